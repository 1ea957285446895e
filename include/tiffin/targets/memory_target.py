"""A Target that only remembers: what to serve from another process, or to test against."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from tiffin.errors import RefusedError
from tiffin.targets.target import Revision, RevisionState, RevisionStatus
from tiffin.traffic.split import Endpoint


@dataclass
class MemoryTarget:
    """A Target in memory; see `tiffin.targets.target` for what it promises.

    Args:
        memory_mib: how much all its Revisions together may ask for.
        is_instant: whether a started Revision is ready at once, or only after `become`.
    """

    memory_mib: int = 65_536
    is_instant: bool = True
    _running: dict[tuple[str, str], tuple[Revision, RevisionStatus]] = field(default_factory=dict)
    _next_port: int = 40_000

    def ensure_started(self, revision: Revision) -> RevisionStatus:
        """Remember the Revision as started."""
        key = (revision.service, revision.name)
        if key not in self._running:
            self._check_room(revision)
            state = RevisionState.READY if self.is_instant else RevisionState.STARTING
            endpoint = Endpoint("127.0.0.1", self._next_port)
            self._next_port += 1
            self._running[key] = revision, RevisionStatus(*key, state, endpoint)
        return self._running[key][1]

    def status(self, service: str, name: str) -> RevisionStatus:
        """Look at one Revision."""
        absent = RevisionStatus(service, name, RevisionState.ABSENT, reason="it is not there")
        return self._running[service, name][1] if (service, name) in self._running else absent

    def revisions(self, service: str) -> tuple[RevisionStatus, ...]:
        """Look at all Revisions of a service."""
        return tuple(self._running[key][1] for key in sorted(self._running) if key[0] == service)

    def ensure_retired(self, service: str, name: str) -> None:
        """Forget the Revision."""
        self._running.pop((service, name), None)

    def become(self, service: str, name: str, state: RevisionState, reason: str = "") -> None:
        """Say how a Revision is doing from now on."""
        revision, status = self._running[service, name]
        self._running[service, name] = revision, replace(status, state=state, reason=reason)

    def _check_room(self, revision: Revision) -> None:
        used = sum(other.resources.memory_mib for other, _ in self._running.values())
        if used + revision.resources.memory_mib > self.memory_mib:
            raise RefusedError(
                f"revision {revision.name} of {revision.service} asks for"
                f" {revision.resources.memory_mib} MiB of memory and"
                f" {self.memory_mib - used} MiB are free; retire another revision",
                code="no-room",
            )
