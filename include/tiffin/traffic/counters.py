"""Exact request counts of each Revision: what the analysis is fed with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests a Revision finished since its counter began: good ones and bad ones."""

    good: int
    bad: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.good + self.bad


@dataclass(frozen=True, slots=True)
class Reading:
    """One simultaneous reading of all Revisions of a Service.

    `epoch` changes when the counters began anew (the router restarted): readings of different
    epochs must not be subtracted from each other.
    """

    epoch: str
    counts: Mapping[str, Counts]


class TrafficCounters(Protocol):
    """Reads the counters; an unreachable source raises UnavailableError, never zeros."""

    def read(self, service: str) -> Reading:
        """Return the counts of every Revision of the Service, by Revision name."""
