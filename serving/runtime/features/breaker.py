"""Whether a store that has failed should be asked again; decides only, and is told the time."""

from __future__ import annotations

FAILURES_IN_A_ROW = 5
PAUSE_S = 1.0


class Breaker:
    """After some failures in a row, lets one question a second through until one is answered."""

    def __init__(self) -> None:
        self._failures = 0
        self._ask_again_at = 0.0

    def lets_through(self, now: float) -> bool:
        """Tell whether to ask at the time `now`, in seconds; a yes is a promise to ask."""
        if self._failures < FAILURES_IN_A_ROW:
            return True
        if now < self._ask_again_at:
            return False
        self._ask_again_at = now + PAUSE_S
        return True

    def answered(self) -> None:
        """Forget the failures."""
        self._failures = 0

    def failed(self, now: float) -> None:
        """Count a failure."""
        self._failures += 1
        self._ask_again_at = now + PAUSE_S
