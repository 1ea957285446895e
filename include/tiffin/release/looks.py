"""Looks at a candidate beside stable: counters in, verdicts out, each written to the ledger."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from uuid import uuid4

from tiffin.analysis.blocks import Block
from tiffin.analysis.readings import blocks_between
from tiffin.analysis.verdict import Analysis, AnalysisPolicy, Decision
from tiffin.errors import FencedError, UnavailableError
from tiffin.platform import Platform
from tiffin.release.release import Release
from tiffin.release.share import Progress, steps_are_done
from tiffin.services.spec import Service
from tiffin.targets.target import RevisionState
from tiffin.traffic.counters import Reading
from tiffin.traffic.split import Backend

_PATIENCE_S = 20.0
"""A candidate that is not ready for this long is down; a restart takes less."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one look came to: a decision and its reason in one sentence."""

    decision: Decision
    reason: str


class Looks:
    """The state of a ramp between looks. Killed and resumed, it goes on from the ledger."""

    def __init__(self, platform: Platform, release: Release, service: Service) -> None:
        assert release.stable is not None
        assert release.candidate is not None
        self._platform = platform
        self._release = release
        self._service = service
        self._stable = release.stable
        self._candidate = release.candidate.name
        self._analysis = Analysis.begin(AnalysisPolicy.from_service(service))
        self._before: Reading | None = None
        self._totals: deque[int] = deque(maxlen=5)
        self._looks_at_share = 0
        self._down_since: float | None = None
        self._run = uuid4().hex
        self.last: Look | None = None

    @classmethod
    def resumed(cls, platform: Platform, release: Release, service: Service) -> Looks:
        """Begin, or go on where the last look in the ledger ended."""
        looks = cls(platform, release, service)
        platform.records.note(release.id, "looking", {"run": looks._run})
        past = platform.records.entries(release.id, "look")
        if past:
            looks._analysis = Analysis.from_dict(past[-1].body["analysis"])
            looks._totals.extend(entry.body["requests"] for entry in past[-5:])
            share = past[-1].body["share"]
            looks._looks_at_share = sum(
                1 for entry in past if entry.body["share"] == share and entry.body["requests"]
            )
        return looks

    @property
    def progress(self) -> Progress:
        """How far the ramp has come."""
        most = max(self._totals, default=0)
        return Progress(self._analysis, self._share(), self._looks_at_share, most or None)

    @property
    def steps_are_done(self) -> bool:
        """True when the strategy has no further weight to visit."""
        return steps_are_done(self._service.rollout, self.progress)

    @property
    def candidate_is_down(self) -> bool:
        """True when the candidate has not been ready for longer than a restart takes."""
        return self._down_since is not None and (time.monotonic() - self._down_since > _PATIENCE_S)

    def ensure_alone(self) -> None:
        """Raise FencedError when the same ramp was begun again elsewhere: the newer one goes on.

        A task that lost its heartbeat is repeated while its first process may still be alive.
        """
        newest = self._platform.records.entries(self._release.id, "looking")[-1]
        if newest.body["run"] != self._run:
            raise FencedError(
                f"the ramp of {self._release.id} was begun again by another process; this one ends",
                code="superseded",
            )

    def shift(self, share: int) -> None:
        """Give the candidate a share in basis points; what was counted before is another block."""
        if share == self._share():
            return
        route = self._platform.router.read(self._release.service)
        assert route is not None
        endpoint = next(b.endpoint for b in route.split.backends if b.revision == self._candidate)
        split = route.split.shifted(Backend(self._candidate, endpoint, share))
        self._platform.router.write(split, release=self._release.id, previous=route.previous)
        self._before = None
        self._looks_at_share = 0

    def look(self) -> Look:
        """Wait one interval, read the counters and judge; what can't be measured is held."""
        try:
            before = self._before or self._platform.counters.read(self._release.service)
            time.sleep(self._service.rollout.look_every.total_seconds())
            after = self._platform.counters.read(self._release.service)
        except UnavailableError as error:
            time.sleep(1.0)
            self._before = None
            return self._unmeasured(f"could not measure: {error.message}")
        self._before = after
        self._notice_health()
        block = blocks_between(before, after, self._stable, self._candidate)
        if block is None:
            return self._unmeasured("the gateway restarted; its counters began anew")
        return self._judged(block)

    def _judged(self, block: Block) -> Look:
        share = self._share()
        self._analysis, verdict = self._analysis.looked(block, share)
        self.last = Look(verdict.decision, verdict.reason)
        if self.candidate_is_down and verdict.decision is not Decision.ROLLBACK:
            self.last = Look(Decision.ROLLBACK, f"it was not ready for {_PATIENCE_S:.0f} s")
        requests = block.na + block.nb
        self._totals.append(requests)
        self._looks_at_share += bool(requests)
        body = {
            "share": share,
            "requests": requests,
            "block": [block.ka, block.na, block.kb, block.nb],
            "decision": self.last.decision.value,
            "reason": self.last.reason,
            "analysis": self._analysis.to_dict(),
        }
        self._platform.records.note(self._release.id, "look", body)
        return self.last

    def _unmeasured(self, reason: str) -> Look:
        self._platform.records.note(self._release.id, "unmeasured", {"reason": reason})
        self.last = Look(Decision.HOLD, reason)
        return self.last

    def _notice_health(self) -> None:
        status = self._platform.target.status(self._release.service, self._candidate)
        if status.state is RevisionState.READY:
            self._down_since = None
        elif self._down_since is None:
            self._down_since = time.monotonic()

    def _share(self) -> int:
        route = self._platform.router.read(self._release.service)
        return route.split.weight(self._candidate) if route else 0
