"""Decides who may write a Service's Split and what a write leaves behind. Pure; all routers use it.

The fence is the holder's name: `taken_over` changes it by compare-and-set on the generation, and
`written` refuses everybody else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tiffin.errors import FencedError
from tiffin.traffic.router import Route
from tiffin.traffic.split import Split


@dataclass(frozen=True, slots=True)
class StoredRoute:
    """What a router remembers of a Service; `split` is None until the holder's first write."""

    holder: str
    generation: int = 0
    split: Split | None = None
    previous: str | None = None

    @property
    def route(self) -> Route | None:
        """What is live, or None when nothing was written yet."""
        if self.split is None:
            return None
        return Route(self.split, self.holder, self.generation, self.previous)


def taken_over(
    stored: StoredRoute | None, service: str, release: str, *, generation: int
) -> StoredRoute:
    """Make `release` the holder; raise FencedError when the generation moved on.

    A take-over is a generation of its own: of two who read the same one, the second is refused.
    """
    if stored is not None and stored.holder == release:
        return stored
    _check_generation(stored, service, release, generation)
    if stored is None or stored.split is None:
        return StoredRoute(holder=release)
    return replace(stored, holder=release, generation=stored.generation + 1)


def written(
    stored: StoredRoute | None,
    split: Split,
    *,
    release: str,
    previous: str | None,
    at: int | None = None,
) -> StoredRoute:
    """Return what is stored after a write; the very same value when the write changes nothing.

    With `at`, the write is refused unless that is the generation, and takes the Service over.

    Without a new `previous` the old one stays, as long as it is still in the Split and not what
    one would go back from. Raises FencedError when `release` is not the holder.
    """
    if at is not None:
        _check_generation(stored, split.service, release, at)
        stored = taken_over(stored, split.service, release, generation=at)
    if stored is None or stored.holder != release:
        holder = f"release {stored.holder}" if stored else "nobody yet"
        raise FencedError(
            f"release {release} may not write the traffic of {split.service}, which is held by "
            f"{holder}; take it over first, or stop",
            code="not-the-holder",
        )
    kept = previous or stored.previous
    if kept == split.fallback or all(backend.revision != kept for backend in split.backends):
        kept = None
    if stored.split == split and stored.previous == kept:
        return stored
    return StoredRoute(release, stored.generation + 1, split, kept)


def _check_generation(
    stored: StoredRoute | None, service: str, release: str, generation: int
) -> None:
    now = stored.generation if stored else 0
    if now != generation:
        raise FencedError(
            f"release {release} may not take over {service}: its traffic was written since "
            f"(generation {now}, not {generation}); read it again and decide again",
            code="generation-moved",
        )
