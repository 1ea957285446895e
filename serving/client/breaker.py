"""The circuit breaker as a value: which try may go, and what its outcome means. Pure.

Closed, every try goes. After so many outages in a row it is open, and none goes. When the pause
is over it is half open: one try goes to see, and its outcome closes or opens the breaker again.

A try that was let go before the breaker last changed says nothing about the server of now. Each
change begins a new era, and an outcome counts in its own era only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from serving.client.settings import Circuit


class Outcome(StrEnum):
    """What a try says about the server."""

    ANSWERED = "answered"
    """It answers, be it with a refusal."""
    OUTAGE = "outage"
    """It is down, too slow or unreachable."""
    UNKNOWN = "unknown"
    """Nothing: the caller gave up, or nothing was sent."""


class Phase(StrEnum):
    """What a breaker does with the next try."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(frozen=True, slots=True)
class Breaker:
    """The state; `admitted` and `settled` return the next one."""

    outages: int = 0
    """In a row."""
    opened_at: float | None = None
    """The clock's time when it last opened; None while it is closed."""
    is_probing: bool = False
    era: int = 0

    def phase(self, circuit: Circuit, now: float) -> Phase:
        """Return what it does with the next try."""
        if self.opened_at is None:
            return Phase.CLOSED
        return Phase.HALF_OPEN if now - self.opened_at >= circuit.pause_s else Phase.OPEN

    def admitted(self, circuit: Circuit, now: float) -> Breaker | None:
        """Return the state with one more try on its way, whose era is the state's; None: refused.

        Whoever was admitted must settle the try, or a probe would be waited for for ever.
        """
        phase = self.phase(circuit, now)
        if phase is Phase.CLOSED:
            return self
        if phase is Phase.OPEN or self.is_probing:
            return None
        return replace(self, is_probing=True, era=self.era + 1)

    def settled(self, circuit: Circuit, era: int, outcome: Outcome, now: float) -> Breaker:
        """Return the state after a try of that era has ended."""
        if era != self.era:
            return self
        if outcome is Outcome.ANSWERED:
            return Breaker(era=self.era + self.is_probing)
        if outcome is Outcome.UNKNOWN:
            return replace(self, is_probing=False)
        return self._after_outage(circuit, now)

    def wait_s(self, circuit: Circuit, now: float) -> float:
        """Return the seconds until a try may go; 0 while a probe is on its way, and when closed."""
        if self.opened_at is None:
            return 0.0
        return max(0.0, self.opened_at + circuit.pause_s - now)

    def _after_outage(self, circuit: Circuit, now: float) -> Breaker:
        outages = self.outages + 1
        if self.is_probing or outages >= circuit.failures:
            return Breaker(outages=outages, opened_at=now, era=self.era + 1)
        return replace(self, outages=outages)
