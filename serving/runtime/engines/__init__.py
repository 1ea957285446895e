"""What computes: the estimator as it was logged, or the same model compiled for ONNX Runtime."""
