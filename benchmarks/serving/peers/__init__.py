"""One small server per peer, each in an environment of its own; and the limits nobody can pass.

Of this project they import `job`, `model`, the estimators that model files name, and the engine of
compiled models, all of which need nothing but NumPy and ONNX Runtime.
"""
