"""Keeps a task's log readable while libraries with much to say are at work."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_chatter() -> Iterator[None]:
    """Hide what validation's libraries say of themselves; a thousand lines, none about the model.

    Reading a model file asks each loaded module for each function's name, and Airflow's modules
    answer every such question with a deprecation warning.
    """
    logger = logging.getLogger("great_expectations")
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        logger.setLevel(before)
