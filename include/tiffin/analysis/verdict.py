"""Rollback, promote or hold: the state of a Release's analysis and what it says at each look.

`Analysis` is a value of a few hundred numbers: it goes into a ledger row with `to_dict`, comes
back with `from_dict`, and the same Blocks then lead to the same Verdicts to the last bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from math import log
from typing import Any

from tiffin.analysis import srm
from tiffin.analysis.blocks import Block
from tiffin.analysis.e_process import EProcess, Side
from tiffin.analysis.evidence import Evidence, Strength, said_counts
from tiffin.analysis.harm import HarmBudget, Share, Undecidable
from tiffin.analysis.policy import AnalysisPolicy
from tiffin.analysis.srm import SampleRatio

__all__ = ["Analysis", "AnalysisPolicy", "Decision", "Evidence", "Verdict", "next_share"]

_NO_TRAFFIC = "no traffic is neither success nor failure"
_BASIS_POINTS = 10_000
_NONE = Block(0, 0, 0, 0)


class Decision(StrEnum):
    """What the evidence says should happen to the candidate."""

    ROLLBACK = "rollback"
    PROMOTE = "promote"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision, the evidence that led to it, and the same in one plain sentence."""

    decision: Decision
    evidence: Evidence
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Return the Verdict as JSON values, for the ledger."""
        return {
            "decision": self.decision.value,
            "reason": self.reason,
            "evidence": asdict(self.evidence),
        }


@dataclass(frozen=True, slots=True)
class Analysis:
    """All evidence of one Release about the errors Objective, so far."""

    policy: AnalysisPolicy
    rollback: EProcess
    promote: EProcess
    watch: EProcess
    harm: HarmBudget
    ratio: SampleRatio
    counts: Block = _NONE
    watch_counts: Block = _NONE
    looks: int = 0

    @classmethod
    def begin(cls, policy: AnalysisPolicy) -> Analysis:
        """Return the analysis before any request."""
        return cls(
            policy=policy,
            rollback=EProcess.begin(Side.ABOVE, policy.rollback_line, restarts=True),
            promote=EProcess.begin(Side.BELOW, policy.promote_line),
            watch=EProcess.begin(Side.ABOVE, policy.watch_line, restarts=True),
            harm=HarmBudget(policy.alpha),
            ratio=SampleRatio(),
        )

    def looked(self, block: Block, share_bp: int) -> tuple[Analysis, Verdict]:
        """Add one look of the ramp, made while the candidate's share was `share_bp`.

        The caller cuts Blocks at every change of the Split (see `readings.blocks_between`).
        """
        grown = replace(
            self,
            rollback=self.rollback.updated(block),
            promote=self.promote.updated(block),
            harm=self.harm.updated(block),
            ratio=self._ratio_after(block, share_bp / _BASIS_POINTS),
            counts=self.counts + block,
            looks=self.looks + 1,
        )
        return grown, grown._ramp_verdict(block)

    def watched(self, block: Block) -> tuple[Analysis, Verdict]:
        """Add one look after promotion: the candidate alone, against the policy's ceiling.

        Without a stable beside it, an outage that all share is blamed on the candidate.
        """
        alone = Block(block.ka, block.na, 0, 0)
        grown = replace(
            self,
            watch=self.watch.updated(alone),
            watch_counts=self.watch_counts + alone,
            looks=self.looks + 1,
        )
        return grown, grown._watch_verdict(alone)

    def _ratio_after(self, block: Block, share: float) -> SampleRatio:
        """Begin anew after a mismatch: one that lasts shows again, one that has passed heals."""
        if self.policy.is_sticky:
            return self.ratio
        ratio = SampleRatio() if self.ratio.crossed() else self.ratio
        return ratio.updated(block.na, block.na + block.nb, share)

    def _ramp_verdict(self, block: Block) -> Verdict:
        """Decide: rollback beats everything, and no traffic beats promotion."""
        alpha, counts = self.policy.alpha, said_counts(self.counts)
        evidence = self._evidence(self.rollback, self.counts)
        if self.rollback.crossed(alpha):
            than = _plus(" than stable", self.policy.tolerance)
            return Verdict(
                Decision.ROLLBACK,
                evidence,
                f"{counts}: surely worse{than} ({evidence.rollback} ≥ {evidence.needed})",
            )
        if block.na == 0:
            return Verdict(Decision.HOLD, evidence, f"{_said_empty(block)}: {_NO_TRAFFIC}")
        if not self.promote.crossed(alpha):
            doubts = f"worse {evidence.rollback}, good enough {evidence.promote}"
            reason = f"{counts}: not sure yet ({doubts}, needed {evidence.needed})"
            return Verdict(Decision.HOLD, evidence, reason)
        if self.counts.ka > self.policy.ceiling * self.counts.na:
            broken = f"it fails more than the ceiling of {_percent(self.policy.ceiling)} itself"
            reason = f"{counts}: not worse than stable, but {broken}"
            return Verdict(Decision.HOLD, evidence, reason)
        if self.ratio.crossed():
            return Verdict(Decision.HOLD, evidence, self._said_mismatch(evidence))
        than = f"not worse than stable by {_percent(self.policy.margin)}"
        reason = f"{counts}: surely {than} ({evidence.promote} ≥ {evidence.needed})"
        return Verdict(Decision.PROMOTE, evidence, reason)

    def _watch_verdict(self, block: Block) -> Verdict:
        evidence = self._evidence(self.watch, self.watch_counts)
        counts, ceiling = said_counts(self.watch_counts), _percent(self.policy.ceiling)
        if self.watch.crossed(self.policy.alpha):
            proof = f"{evidence.rollback} ≥ {evidence.needed}"
            reason = f"{counts} since promotion: surely more than {ceiling} ({proof})"
            return Verdict(Decision.ROLLBACK, evidence, reason)
        if block.na == 0:
            return Verdict(Decision.HOLD, evidence, f"{_said_empty(block)}: {_NO_TRAFFIC}")
        doubt = f"{evidence.rollback}, needed {evidence.needed}"
        reason = f"{counts} since promotion: not surely more than {ceiling} ({doubt})"
        return Verdict(Decision.HOLD, evidence, reason)

    def _said_mismatch(self, evidence: Evidence) -> str:
        total = self.counts.na + self.counts.nb
        return (
            f"the candidate got {self.counts.na:,} of {total:,} requests, which is not the share "
            f"it was given ({evidence.mismatch}): good enough, but the router must be looked at "
            "before anything is promoted"
        )

    def _evidence(self, against: EProcess, counts: Block) -> Evidence:
        return Evidence(
            looks=self.looks,
            candidate_bad=counts.ka,
            candidate_requests=counts.na,
            stable_bad=counts.kb,
            stable_requests=counts.nb,
            rollback=Strength(against.log_e, against.peak),
            promote=Strength(self.promote.log_e, self.promote.peak),
            mismatch=Strength(self.ratio.log_e, self.ratio.peak),
            log_threshold=-log(self.policy.alpha),
            log_mismatch_threshold=-log(srm.ALPHA),
            excess_bound=self.harm.excess_bound,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON values, for the ledger."""
        return {
            "policy": self.policy.to_dict(),
            "rollback": self.rollback.to_dict(),
            "promote": self.promote.to_dict(),
            "watch": self.watch.to_dict(),
            "harm": self.harm.to_dict(),
            "ratio": self.ratio.to_dict(),
            "counts": asdict(self.counts),
            "watch_counts": asdict(self.watch_counts),
            "looks": self.looks,
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Analysis:
        """Return the analysis that `to_dict` described, to the last bit."""
        return cls(
            policy=AnalysisPolicy.from_dict(state["policy"]),
            rollback=EProcess.from_dict(state["rollback"]),
            promote=EProcess.from_dict(state["promote"]),
            watch=EProcess.from_dict(state["watch"]),
            harm=HarmBudget.from_dict(state["harm"]),
            ratio=SampleRatio.from_dict(state["ratio"]),
            counts=Block(**state["counts"]),
            watch_counts=Block(**state["watch_counts"]),
            looks=state["looks"],
        )


def next_share(analysis: Analysis, expected_requests_per_look: float) -> Share | Undecidable:
    """Return the candidate's next share, or why no share can bring the evidence (adaptive ramp).

    `expected_requests_per_look` is the highest forecast of the Service's requests until the next
    look plus the time it takes to react to it.
    """
    policy = analysis.policy
    return analysis.harm.next_share(
        policy.harm_budget, policy.max_share, expected_requests_per_look
    )


def _said_empty(block: Block) -> str:
    everywhere = block.nb == 0
    return "no requests at this look" if everywhere else "no requests to the candidate"


def _percent(share: float) -> str:
    return f"{100 * share:g} %"


def _plus(words: str, share: float) -> str:
    """Say the comparison only where it has a tolerance: nothing, or "than stable + 1 %"."""
    return f"{words} + {_percent(share)}" if share else ""
