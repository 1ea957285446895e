"""Sums and means of numbers that are kept as logarithms, because they outgrow a float."""

from __future__ import annotations

import math
from collections.abc import Sequence


def log_sum(logs: Sequence[float]) -> float:
    """Return ln(sum of exp(x)); -inf for a sum of nothing but zeros."""
    largest = max(logs)
    if largest == -math.inf:
        return largest
    return largest + math.log(math.fsum(math.exp(x - largest) for x in logs))


def log_mean(logs: Sequence[float]) -> float:
    """Return ln(mean of exp(x))."""
    return log_sum(logs) - math.log(len(logs))
