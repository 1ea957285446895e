"""Counters in memory: for dry runs, and beside which others are tested."""

from __future__ import annotations

from collections import defaultdict
from threading import Lock

from tiffin.traffic.counters import Counts, Reading


class MemoryCounters:
    """Implements `tiffin.traffic.counters.TrafficCounters`; somebody must say what happened."""

    def __init__(self) -> None:
        self._counts: dict[str, dict[str, Counts]] = defaultdict(dict)
        self._epoch = 0
        self._lock = Lock()

    def count(self, service: str, revision: str, *, good: int = 0, bad: int = 0) -> None:
        """Add finished requests of a Revision."""
        with self._lock:
            before = self._counts[service].get(revision, Counts(0, 0))
            self._counts[service][revision] = Counts(before.good + good, before.bad + bad)

    def begin_anew(self) -> None:
        """Start again at zero, as a router does that was restarted."""
        with self._lock:
            self._counts.clear()
            self._epoch += 1

    def read(self, service: str) -> Reading:
        """Return the counts of every Revision of the Service, by Revision name."""
        with self._lock:
            return Reading(str(self._epoch), dict(self._counts.get(service, {})))
