"""What the smoke test found, as a value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SmokeCheck:
    """One thing that was asked of the candidate; `failure` is a sentence, or "" when it passed."""

    name: str
    failure: str
    seconds: float


@dataclass(frozen=True, slots=True)
class SmokeReport:
    """All checks, in the order they were made."""

    checks: tuple[SmokeCheck, ...]

    @property
    def failures(self) -> tuple[str, ...]:
        """The sentences of the checks that failed."""
        return tuple(f"{check.name}: {check.failure}" for check in self.checks if check.failure)

    @property
    def passed(self) -> bool:
        """True when nothing failed."""
        return not self.failures
