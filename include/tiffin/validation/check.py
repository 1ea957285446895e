"""The values of validation: what is checked, what one check found, and the report of them all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tiffin.registry.model_version import ModelVersion
from tiffin.services.spec import Service


class Outcome(StrEnum):
    """How one check ended; what was skipped was not measured, and says why."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check found, in one sentence, with the particulars one a line."""

    name: str
    outcome: Outcome
    sentence: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MetricReading:
    """A metric beside what it must be; `limit` is the stricter of floor and champion's slack."""

    name: str
    value: float | None
    floor: float | None
    champion: float | None
    limit: float | None
    smaller_is_better: bool
    passed: bool


@dataclass(frozen=True, slots=True)
class ValidationReport:
    """All that validation found out about one model version."""

    service: str
    model: str
    version: str
    checks: tuple[CheckResult, ...]
    metrics: tuple[MetricReading, ...] = ()

    @property
    def passed(self) -> bool:
        """True when every check that was made passed, and none was left out for another's sake."""
        return bool(self.checks) and all(c.outcome is not Outcome.FAILED for c in self.checks)

    @property
    def sentence(self) -> str:
        """Why the version may not proceed, or that it may."""
        failed = [check.sentence for check in self.checks if check.outcome is Outcome.FAILED]
        subject = f"version {self.version} of {self.model}"
        if not failed:
            return f"{subject} passed all checks for {self.service}"
        return f"{subject} may not be deployed to {self.service}: {'; '.join(failed)}"


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is to be validated, and what it is measured against."""

    service: Service
    version: ModelVersion
    artifact: Path
    evaluation_data: Path
    metrics: Mapping[str, float]
    champion_metrics: Mapping[str, float] | None
    runtime: Mapping[str, str]
    expectations: Path


def passed(name: str, sentence: str, details: tuple[str, ...] = ()) -> CheckResult:
    """Return the result of a check that found nothing wrong."""
    return CheckResult(name, Outcome.PASSED, sentence, details)


def failed(name: str, sentence: str, details: tuple[str, ...] = ()) -> CheckResult:
    """Return the result of a check that found something wrong."""
    return CheckResult(name, Outcome.FAILED, sentence, details)


def skipped(name: str, because: str) -> CheckResult:
    """Return the result of a check that was not made."""
    return CheckResult(name, Outcome.SKIPPED, f"not checked, because {because}")
