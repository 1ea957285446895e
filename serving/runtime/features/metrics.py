"""What is counted of lookups, for each model that is asked by key.

A lookup takes a millisecond and more, so each is told to prometheus_client as it comes.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING

from serving.runtime.features.online_store import Outcome
from serving.runtime.identity import Identity

if TYPE_CHECKING:
    from prometheus_client import Counter, Histogram

_MODEL = ("model_name", "model_version")
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


@dataclass(frozen=True, slots=True)
class _Families:
    lookups: Counter
    seconds: Histogram
    defaulted: Counter


@cache
def _families() -> _Families:
    # As for predictions: imported before BentoML has made its folder, it would count alone.
    from prometheus_client import Counter, Histogram

    return _Families(
        lookups=Counter(
            "feature_lookups_total", "Requests that needed the store", (*_MODEL, "outcome")
        ),
        seconds=Histogram(
            "feature_lookup_seconds", "How long they waited for it", _MODEL, buckets=_SECONDS
        ),
        defaulted=Counter(
            "feature_values_defaulted_total", "Cells with their default", (*_MODEL, "column")
        ),
    )


class LookupMetrics:
    """Counts for one model in this process."""

    def __init__(self, identity: Identity, columns: Sequence[str]) -> None:
        self._labels = (identity.model_name, identity.model_version)
        for outcome in Outcome:  # so that every metric is there, at 0, from the start
            _families().lookups.labels(*self._labels, outcome.value)
        for name in columns:
            _families().defaulted.labels(*self._labels, name)

    def looked_up(self, outcome: Outcome, seconds: float) -> None:
        """Count one lookup, and how long its request waited."""
        families, labels = _families(), self._labels
        families.lookups.labels(*labels, outcome.value).inc()
        families.seconds.labels(*labels).observe(seconds)

    def defaulted(self, columns: Sequence[Sequence[str]]) -> None:
        """Count the cells that have their default, given the columns of each row."""
        for name, cells in Tally(chain.from_iterable(columns)).items():
            _families().defaulted.labels(*self._labels, name).inc(cells)
