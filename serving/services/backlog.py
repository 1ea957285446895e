"""How many requests the event loop has read and not begun, and whether that is too many.

A model that is quick answers on the event loop itself, so when more comes in than the process
can answer there is no queue to look at: the loop reads from every connection that has something,
then works it all off. How long the last of them waits is their number times what one costs, and
that is what is limited, before a request is even parsed: refusing one must cost next to nothing,
or refusing eats the time that answering needs. What one costs is learned, so a request that has
waited for too long all the same is refused when its turn comes: its caller may have given up.

A slow model has a queue of its own, and refuses whoever finds it full, once their rows have been
read. After the first of them it's worth asking it before the next request is parsed.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop
from time import perf_counter

_FEWEST = 16
"""So many requests at once are never too many, however slow they are; and so few say little
about what one costs."""
_WEIGHT = 0.3
_SUSPECT_S = 1.0
"""So long after a model's queue was full it may be so again."""


class Backlog:
    """Counts requests between being read and being begun; belongs to one event loop."""

    def __init__(self, longest_wait_s: float) -> None:
        self.waiting = 0
        self._longest_wait_s = longest_wait_s
        self._most = float("inf")
        self._cost_s = 0.0
        self._begun = 0
        self._since = 0.0
        self._suspect_until = 0.0
        self._has_answered_one = False

    @property
    def is_full(self) -> bool:
        """True when one more would wait longer than is allowed."""
        return self.waiting >= self._most

    @property
    def suspects_a_full_queue(self) -> bool:
        """True while it's worth asking models whether their queues are full."""
        return perf_counter() < self._suspect_until

    def queue_was_full(self) -> None:
        """Note that a model refused a request because of its queue."""
        self._suspect_until = perf_counter() + _SUSPECT_S

    def may_jump_in(self, loop: AbstractEventLoop) -> bool:
        """Tell the first request of a round of the loop that it needn't wait, if nobody does.

        Only the first: those that were read in the same round gain more from one call together.
        """
        if self.waiting or self._has_answered_one:
            return False
        self._has_answered_one = True
        loop.call_soon(self._end_round)
        return True

    def _end_round(self) -> None:
        self._has_answered_one = False

    def joined(self) -> float:
        """Count a request that was read; return when that was, for `begun`."""
        now = perf_counter()
        if not self.waiting:
            self._since, self._begun = now, 0
        self.waiting += 1
        return now

    def begun(self, joined_at: float) -> bool:
        """Count a request whose turn has come; False when it comes too late."""
        now = perf_counter()
        self.waiting -= 1
        self._begun += 1
        if not self.waiting and self._begun >= _FEWEST:
            self._learn((now - self._since) / self._begun)
        return now - joined_at <= self._longest_wait_s or self._begun <= _FEWEST

    def _learn(self, cost_s: float) -> None:
        # What one costs changes with the model and with its rows, so what is old fades.
        self._cost_s += (cost_s - self._cost_s) * (_WEIGHT if self._cost_s else 1.0)
        self._most = max(_FEWEST, self._longest_wait_s / self._cost_s)
