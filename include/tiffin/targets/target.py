"""The port to the place where Revisions run; all pass tests/contracts/target.py."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from tiffin.traffic.split import Endpoint


@dataclass(frozen=True, slots=True)
class Resources:
    """What one Revision may use: CPU cores, memory in MiB, worker processes."""

    cpu: float = 1.0
    memory_mib: int = 1024
    workers: int = 1


@dataclass(frozen=True, slots=True)
class Revision:
    """A Service running one ModelVersion, from one Bento; immutable.

    `name` is short and unique within the service (`v7-1a2b3c4d`); it is what the response header
    `x-tiffin-revision` says. `image` pins the bento by digest (`credit-risk:<tag>@sha256:<hex>`).
    """

    service: str
    name: str
    model: str
    version: str
    bento: str
    image: str
    resources: Resources = Resources()


class RevisionState(StrEnum):
    """How a Revision is doing on its Target."""

    ABSENT = "absent"
    STARTING = "starting"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RevisionStatus:
    """One look at a Revision: where it answers, and in one sentence why it doesn't."""

    service: str
    name: str
    state: RevisionState
    endpoint: Endpoint | None = None
    reason: str = ""


class Target(Protocol):
    """Runs Revisions. Every method may be called twice, or again after a crash, and converges."""

    def ensure_started(self, revision: Revision) -> RevisionStatus:
        """Start the Revision if it isn't there; return at once, without waiting for ready.

        A process that dies is started again by the target. Raises RefusedError with code
        `no-room` when the machine can't hold it, before anything else changes.
        """

    def status(self, service: str, name: str) -> RevisionStatus:
        """Look at one Revision; READY only when its readiness probe answers."""

    def revisions(self, service: str) -> tuple[RevisionStatus, ...]:
        """Look at all Revisions of a service that are not ABSENT, ordered by name."""

    def ensure_retired(self, service: str, name: str) -> None:
        """Stop a Revision (graceful, in-flight requests finish) and forget it."""
