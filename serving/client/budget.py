"""How many tries may be repetitions: a bucket of tokens, as gRPC and Finagle have it. Pure.

Every call puts a share of a token in, and every repetition takes a whole one out. So of a server
that is down no more is asked than `1 + share` times what the callers ask, plus what was saved up.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from serving.client.settings import Retries


@dataclass(frozen=True, slots=True)
class RetryBudget:
    """The tokens that are left."""

    tokens: float
    share: float
    most: int

    @classmethod
    def full(cls, retries: Retries) -> RetryBudget:
        """Return what a new client has."""
        return cls(float(retries.reserve), retries.share, retries.reserve)

    def earned(self) -> RetryBudget:
        """Return the budget after one more call has begun."""
        return replace(self, tokens=min(self.tokens + self.share, float(self.most)))

    def spent(self) -> RetryBudget | None:
        """Return the budget after one repetition; None when there is no whole token."""
        return replace(self, tokens=self.tokens - 1) if self.tokens >= 1 else None
