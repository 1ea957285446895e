"""A router that keeps its routes in memory: for dry runs, and beside which others are tested."""

from __future__ import annotations

from threading import Lock

from tiffin.traffic.fencing import StoredRoute, taken_over, written
from tiffin.traffic.router import Route
from tiffin.traffic.split import Split


class MemoryRouter:
    """Implements `tiffin.traffic.router.Router` for one process; nothing outlives it."""

    def __init__(self) -> None:
        self._stored: dict[str, StoredRoute] = {}
        self._lock = Lock()

    def read(self, service: str) -> Route | None:
        """Return what is live, or None for a Service that was never routed."""
        stored = self._stored.get(service)
        return stored.route if stored else None

    def services(self) -> tuple[str, ...]:
        """Return the names of all routed Services, sorted."""
        return tuple(sorted(name for name, stored in self._stored.items() if stored.split))

    def take_over(self, service: str, release: str, *, generation: int) -> Route | None:
        """Make `release` the only holder if the generation is still the given one."""
        with self._lock:
            stored = taken_over(self._stored.get(service), service, release, generation=generation)
            self._stored[service] = stored
        return stored.route

    def write(
        self, split: Split, *, release: str, previous: str | None = None, at: int | None = None
    ) -> Route:
        """Make the Split live. Twice is the same as once."""
        with self._lock:
            before = self._stored.get(split.service)
            stored = written(before, split, release=release, previous=previous, at=at)
            self._stored[split.service] = stored
        return Route(split, stored.holder, stored.generation, stored.previous)

    def wait_idle(self, service: str, revision: str, *, timeout_s: float) -> None:
        """Return at once: nothing is ever in flight in memory."""
