"""Why there is no explanation of a prediction.

RuntimeError
├── NotExplainableError      nobody can have one here: of this model, or on this machine
├── ExplanationTimeoutError  it took too long; fewer rows may do
└── ExplanationFailedError   the model, or its explainer, failed on these rows
"""

from __future__ import annotations


class NotExplainableError(RuntimeError):
    """No rows of this model can be explained here; the sentence says why, and what would help."""


class ExplanationTimeoutError(RuntimeError):
    """The computation was ended, since it took longer than it may."""


class ExplanationFailedError(RuntimeError):
    """The computation failed; the words are for the log."""
