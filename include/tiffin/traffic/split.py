"""The Split: one value that says where a Service's requests go, rendered for each router."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tiffin.errors import RefusedError

WHOLE = 10_000
"""Weights are in basis points: they add up to 10,000, so one is a hundredth of a percent."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A host and port that answer HTTP."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Backend:
    """One Revision behind the router: its endpoint and its weight in basis points.

    A weight of 0 keeps a Revision warm: callers can still pin it by header, and it can be the
    fallback.
    """

    revision: str
    endpoint: Endpoint
    weight: int


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds for a whole request and for each try of it."""

    request_s: float = 5.0
    per_try_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Split:
    """Where the requests of one Service go.

    `port` is where callers reach the Service. A request that fails on any other Revision is
    tried again on `fallback` (normally the stable one), and one that fails there on `rescue`, the
    Revision that the fallback has replaced, while that is kept warm. `sticky_header` names the
    header whose value keeps a caller on one Revision.
    """

    service: str
    port: int
    backends: tuple[Backend, ...]
    fallback: str
    sticky_header: str | None = None
    timeouts: Timeouts = Timeouts()
    rescue: str | None = None

    def __post_init__(self) -> None:
        names = [backend.revision for backend in self.backends]
        if len(set(names)) != len(names):
            raise RefusedError(
                f"the split of {self.service} names a revision twice: {', '.join(names)}",
                code="bad-split",
            )
        if any(backend.weight < 0 for backend in self.backends) or (
            sum(backend.weight for backend in self.backends) != WHOLE
        ):
            raise RefusedError(
                f"the weights of {self.service} must be at least 0 and add up to {WHOLE} basis "
                f"points, not {[backend.weight for backend in self.backends]}",
                code="bad-split",
            )
        if self.fallback not in names:
            raise RefusedError(
                f"the fallback {self.fallback!r} of {self.service} is none of its revisions",
                code="bad-split",
            )
        if self.rescue is not None and (self.rescue not in names or self.rescue == self.fallback):
            raise RefusedError(
                f"the rescue {self.rescue!r} of {self.service} is no other one of its revisions",
                code="bad-split",
            )

    def weight(self, revision: str) -> int:
        """Return a Revision's weight in basis points; 0 when it isn't in the Split."""
        return next((b.weight for b in self.backends if b.revision == revision), 0)

    def shifted(self, candidate: Backend) -> Split:
        """Give the candidate its weight and the fallback all the rest; others stay warm at 0."""
        kept = [b for b in self.backends if b.revision != candidate.revision]
        rest = WHOLE - candidate.weight
        backends = [replace(b, weight=rest if b.revision == self.fallback else 0) for b in kept]
        return replace(self, backends=(*backends, candidate))

    def second_choice(self, revision: str) -> str | None:
        """Return where a request that fails on a Revision is tried again."""
        return self.rescue if revision == self.fallback else self.fallback

    def promoted(self, revision: str) -> Split:
        """Give one Revision everything; the one that it replaces stays warm, as its rescue."""
        return replace(self._all_on(revision), rescue=self.second_choice(revision))

    def back_on(self, revision: str) -> Split:
        """Give one Revision everything back; what is left for it is bad, and rescues nobody."""
        rescue = self.rescue if revision == self.fallback else None
        return replace(self._all_on(revision), rescue=rescue)

    def without(self, revision: str) -> Split:
        """Drop a Revision that carries no weight."""
        kept = tuple(b for b in self.backends if b.revision != revision)
        rescue = None if revision == self.rescue else self.rescue
        return replace(self, backends=kept, rescue=rescue)

    def _all_on(self, revision: str) -> Split:
        backends = tuple(
            replace(b, weight=WHOLE if b.revision == revision else 0) for b in self.backends
        )
        return replace(self, backends=backends, fallback=revision, rescue=None)
