"""Runs kept in memory: for trying things out, and beside which the real ones are tested."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class MemoryRuns:
    """Implements `tiffin.intake.runs.Runs`; a run stays queued until `end` is called."""

    def __init__(self) -> None:
        self.confs: dict[tuple[str, str], dict[str, Any]] = {}
        self._states: dict[tuple[str, str], str] = {}

    def trigger(self, dag_id: str, run_id: str, conf: Mapping[str, Any]) -> bool:
        """Start a run; False when it exists."""
        if (dag_id, run_id) in self.confs:
            return False
        self.confs[dag_id, run_id] = dict(conf)
        self._states[dag_id, run_id] = "queued"
        return True

    def run_state(self, dag_id: str, run_id: str) -> str | None:
        """Return the run's state, or None."""
        return self._states.get((dag_id, run_id))

    def end(self, dag_id: str, run_id: str, state: str) -> None:
        """Let a run end."""
        self._states[dag_id, run_id] = state
