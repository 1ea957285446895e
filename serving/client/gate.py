"""What all tries of a client pass: the circuit breaker and the retry budget, for any thread.

The lock is held while one value replaces another, never while something is sent, so it's as good
between tasks of an event loop as between threads.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

from serving.client.breaker import Breaker, Outcome, Phase
from serving.client.budget import RetryBudget
from serving.client.errors import CircuitOpenError, Circumstances, ClientError
from serving.client.settings import Circuit, Retries


class Gate:
    """Lets tries through and learns from what becomes of them; `clock` gives seconds."""

    def __init__(
        self, circuit: Circuit, retries: Retries, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._circuit = circuit
        self._clock = clock
        self._lock = Lock()
        self._breaker = Breaker()
        self._budget = RetryBudget.full(retries)

    @property
    def phase(self) -> Phase:
        """What the breaker does with the next try."""
        return self._breaker.phase(self._circuit, self._clock())

    def count_call(self) -> None:
        """Let a new call earn its share of a repetition."""
        with self._lock:
            self._budget = self._budget.earned()

    def may_repeat(self) -> bool:
        """Take one repetition out of the budget; False when none is left, or nothing may go."""
        with self._lock:
            left = None if self._breaker.opened_at is not None else self._budget.spent()
            self._budget = left or self._budget
        return left is not None

    @contextmanager
    def trying(self, circumstances: Circumstances) -> Iterator[None]:
        """Hold one try; CircuitOpenError when it may not go.

        A try that is cancelled says nothing of the server, and leaves its place to another.
        """
        era = self._admit(circumstances)
        outcome = Outcome.UNKNOWN
        try:
            yield
            outcome = Outcome.ANSWERED
        except ClientError as failure:
            outcome = _outcome_of(failure)
            raise
        finally:
            self._settle(era, outcome)

    def _admit(self, circumstances: Circumstances) -> int:
        with self._lock:
            now = self._clock()
            admitted = self._breaker.admitted(self._circuit, now)
            if admitted is None:
                raise _refusal(self._breaker, self._circuit, now, circumstances)
            self._breaker = admitted
        return admitted.era

    def _settle(self, era: int, outcome: Outcome) -> None:
        with self._lock:
            self._breaker = self._breaker.settled(self._circuit, era, outcome, self._clock())


def _outcome_of(failure: ClientError) -> Outcome:
    if failure.is_outage:
        return Outcome.OUTAGE
    return Outcome.UNKNOWN if failure.status is None else Outcome.ANSWERED


def _refusal(
    breaker: Breaker, circuit: Circuit, now: float, circumstances: Circumstances
) -> CircuitOpenError:
    wait_s = breaker.wait_s(circuit, now)
    when = f"in {wait_s:.1f} s" if wait_s else "just now"
    words = f"{breaker.outages} tries in a row failed; one call looks again {when}"
    known = Circumstances(circumstances.request_id, circumstances.tries - 1, retry_after_s=wait_s)
    return CircuitOpenError(f"not asked: {words}", known)
