"""From a model that was logged to one that ONNX Runtime answers with, and the proof of parity.

Runs when a bento is built, never in a server. Everything that scikit-learn computes in float64
is computed in float64 here, in the same order of operations where that is possible; what we
can't say ourselves is left to skl2onnx. Whatever comes out counts only after it has agreed with
the original on real rows (`parity`).
"""
