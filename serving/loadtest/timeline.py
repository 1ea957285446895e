"""What became of each request of a load: compact columns while it runs, a summary at the end."""

from __future__ import annotations

import csv
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NO_ANSWER = 0
"""The status of a request that ended in a transport error or ran out of time."""


@dataclass(frozen=True, slots=True)
class Record:
    """One request: when its answer came (Unix seconds), status, revision and latency."""

    at: float
    status: int
    revision: str
    latency_ms: float

    @property
    def is_failed(self) -> bool:
        """True for a transport error and for anything but 2xx."""
        return not 200 <= self.status < 300


class Timeline:
    """The records in order of their answers, 20 bytes each."""

    def __init__(self) -> None:
        self._at = array("d")
        self._status = array("H")
        self._revision = array("H")
        self._latency_ms = array("d")
        self._names: dict[str, int] = {}
        self.errors: Counter[str] = Counter()
        """Transport errors, by name."""

    def __len__(self) -> int:
        return len(self._at)

    def __iter__(self) -> Iterator[Record]:
        names = list(self._names)
        columns = zip(self._at, self._status, self._revision, self._latency_ms, strict=True)
        for at, status, revision, latency_ms in columns:
            yield Record(at, status, names[revision], latency_ms)

    def add(self, record: Record) -> None:
        """Append one record."""
        self._at.append(record.at)
        self._status.append(record.status)
        self._revision.append(self._names.setdefault(record.revision, len(self._names)))
        self._latency_ms.append(record.latency_ms)

    def write_csv(self, file: Path) -> None:
        """Write all records; the file is there whole or not at all."""
        draft = file.with_name(f".{file.name}.draft")
        with draft.open("w", newline="") as out:
            rows = csv.writer(out)
            rows.writerow(["unix_s", "status", "revision", "latency_ms"])
            for r in self:
                rows.writerow([f"{r.at:.6f}", r.status, r.revision, f"{r.latency_ms:.3f}"])
        draft.replace(file)

    def summary(self, requests_sent: int) -> dict[str, Any]:
        """Count what happened; a request that was sent and never ended counts as failed."""
        unfinished = requests_sent - len(self)
        failed = sum(not 200 <= status < 300 for status in self._status)
        return {
            "requests_sent": requests_sent,
            "requests_failed": failed + unfinished,
            "statuses": {str(k): n for k, n in sorted(Counter(self._status).items())},
            "errors": dict(self.errors),
            "latency_ms": self._latencies(),
            "revisions": self._revisions(),
        }

    def _latencies(self) -> dict[str, float]:
        ordered = sorted(self._latency_ms)
        if not ordered:
            return {}
        at = {"p50": 0.5, "p99": 0.99, "max": 1.0}
        last = len(ordered) - 1
        return {name: round(ordered[int(share * last)], 3) for name, share in at.items()}

    def _revisions(self) -> dict[str, dict[str, float]]:
        seen: dict[str, dict[str, float]] = {}
        for record in self:
            if record.revision:
                row = seen.setdefault(record.revision, {"answers": 0, "first": record.at})
                row["answers"] += 1
                row["last"] = record.at
        return seen
