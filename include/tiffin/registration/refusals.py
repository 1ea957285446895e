"""What people are told about a model file or a sample that can't be registered, in one voice."""

from __future__ import annotations

from tiffin.errors import RefusedError


def bad_file(sentence: str) -> RefusedError:
    """It is no model file that we know, or not a whole one."""
    return RefusedError(sentence, code="bad-model-file")


def unsafe_file(sentence: str) -> RefusedError:
    """Loading it would run what no model needs; it was not loaded."""
    return RefusedError(sentence, code="unsafe-model-file")


def bad_sample(sentence: str) -> RefusedError:
    """The CSV file and the model don't go together."""
    return RefusedError(sentence, code="bad-sample")


def model_fails(sentence: str) -> RefusedError:
    """It can't be loaded here, or it can't answer."""
    return RefusedError(sentence, code="model-fails")
