"""From two readings of the traffic counters to the Block between them."""

from __future__ import annotations

from tiffin.analysis.blocks import Block
from tiffin.traffic.counters import Counts, Reading

_NOTHING = Counts(0, 0)


def blocks_between(before: Reading, after: Reading, stable: str, candidate: str) -> Block | None:
    """Return what happened between two readings, or None when that can't be told.

    None means: the counters began anew (another epoch) or went backwards. The caller drops the
    block and starts from `after`; nothing is guessed.

    Conditions that the caller keeps, because no arithmetic here can repair them:

    * Read again at every change of the Split, right before and right after it. A Block in which
      the share changed while the error rate moved gave 97 % false rollbacks in simulation.
    * Count what is independent. Errors that come in clusters (retries, batches, sessions) of 3
      gave 26 % false rollbacks, of 5 40 %: count incidents, or sessions, not their echoes.
    * Leave the warm-up of a new Revision out: begin with the first reading after smoke.
    """
    if before.epoch != after.epoch:
        return None
    ours = _increment(before, after, candidate)
    theirs = _increment(before, after, stable)
    if ours is None or theirs is None:
        return None
    return Block(ours.bad, ours.total, theirs.bad, theirs.total)


def _increment(before: Reading, after: Reading, revision: str) -> Counts | None:
    """Return one Revision's increments; a Revision without requests has no counter yet."""
    old = before.counts.get(revision, _NOTHING)
    new = after.counts.get(revision, _NOTHING)
    if new.good < old.good or new.bad < old.bad:
        return None
    return Counts(new.good - old.good, new.bad - old.bad)
