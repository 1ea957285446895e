"""`kill -9` of each part at each phase of a Release, under load: it always converges."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Sequence
from itertools import pairwise

import pytest

from tests.e2e.delivery import Delivery
from tests.faults.kills import (
    Kill,
    begin,
    check_what_callers_saw,
    kill_at,
    other_version,
    wait_for_consistency,
)
from tests.faults.matrix import Killing, chosen, name_of
from tests.faults.outcome import Outcome
from tests.faults.victims import Victim
from tiffin.release.ledger import Entry
from tiffin.release.phases import Phase

pytestmark = [pytest.mark.faults, pytest.mark.stack, pytest.mark.timeout(3600)]

_MEASURES_THE_CANDIDATE = (Victim.CANDIDATE, Victim.STABLE)
"""Their death may show in the verdict; the death of anything else may not."""


@pytest.mark.parametrize("killing", chosen(os.environ.get("FAULTS", "")), ids=name_of)
def test_killed_parts_leave_one_consistent_state(
    delivery: Delivery, outcomes: list[Outcome], killing: Killing
):
    version = other_version(delivery)
    with delivery.load() as report:
        release = begin(delivery, version)
        kills = [
            kill_at(delivery, release, fault, is_again=number > 0)
            for number, fault in enumerate(killing)
        ]
        left = wait_for_consistency(delivery, release)
        over = time.time()
    ended = None if left else delivery.platform.records.release(release)
    seconds = _seconds(kills, delivery.platform.records.entries(release), over)
    cuts = [0.0, *(kill.begun for kill in kills[1:]), math.inf]
    parts = [report.between(*times) for times in pairwise(cuts)]
    outcomes += [
        Outcome.of(kill, ended, delivery.live_version, took, part)
        for kill, took, part in zip(kills, seconds, parts, strict=True)
    ]
    assert not left
    assert ended is not None
    if killing[0].victim not in _MEASURES_THE_CANDIDATE:
        assert ended.phase is Phase.SUCCESSFUL, ended.reason
        assert delivery.live_version == version
    for kill, part, until in zip(kills, parts, cuts[1:], strict=True):
        check_what_callers_saw(kill, part, until)


def _seconds(kills: Sequence[Kill], entries: Sequence[Entry], over: float) -> list[float]:
    """Return how long after each kill the release went on to its next phase, or all was over."""
    moves = [entry.at.timestamp() for entry in entries if _is_a_move(entry)]
    next_moves = [min(at for at in moves if at > kill.begun) for kill in kills[:-1]]
    return [end - kill.begun for kill, end in zip(kills, [*next_moves, over], strict=True)]


def _is_a_move(entry: Entry) -> bool:
    return entry.kind == "phase" and entry.body["to"] != entry.body["from"]
