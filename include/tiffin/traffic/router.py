"""The port to the router; every implementation passes tests/contracts/router.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from tiffin.traffic.split import Split


@dataclass(frozen=True, slots=True)
class Route:
    """What is live for a Service: its Split, who may write it, and how often that changed.

    `previous` is the Revision that carried everything before the last promotion and is still
    warm: what a rollback goes back to. `generation` grows by one with each write that changes
    something and with each change of the holder.
    """

    split: Split
    holder: str
    generation: int
    previous: str | None = None


class Router(Protocol):
    """Reads and writes Splits, by compare-and-set, with the Release's id as the fence.

    A write that returns has taken effect: the router has confirmed it. A write that raises has
    changed nothing. Writing what is already live is a success and changes nothing, not even the
    generation.
    """

    def read(self, service: str) -> Route | None:
        """Return what is live, or None for a Service that was never routed."""

    def services(self) -> tuple[str, ...]:
        """Return the names of all routed Services, sorted."""

    def take_over(self, service: str, release: str, *, generation: int) -> Route | None:
        """Make `release` the only holder if the generation is still the given one.

        From then on every other Release's write raises `FencedError`. A Service that was never
        routed has generation 0 and remembers the holder for its first write.
        Raises FencedError when the generation moved on: read again and decide again.
        """

    def write(
        self, split: Split, *, release: str, previous: str | None = None, at: int | None = None
    ) -> Route:
        """Make the Split live and wait until it is.

        With `at`, the Service is taken over in the same step, if its generation still is `at`:
        killed at any instant, holder and Split have both changed, or neither has.

        Raises FencedError when `release` is not the holder, RefusedError when the router finds
        the configuration invalid, UnavailableError when it doesn't confirm in time (the old
        Split is then put back).
        """

    def wait_idle(self, service: str, revision: str, *, timeout_s: float) -> None:
        """Wait until no request is in flight to a Revision that gets no new ones.

        Raises UnavailableError when it is still busy after the timeout.
        """
