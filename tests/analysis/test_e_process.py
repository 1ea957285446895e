"""Evidence that adds up: known traces, restarts, stickiness, replay."""

import json
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiffin.analysis.blocks import Block, Line
from tiffin.analysis.e_process import Baseline, EProcess, Side

TRACE = [Block(0, 50, 4, 450), Block(3, 50, 5, 450), Block(4, 50, 4, 450)]
WORSE = Line(1, 0)
BLOCKS = st.builds(
    lambda na, nb, a, b: Block(min(a, na), na, min(b, nb), nb),
    *[st.integers(0, 600)] * 2,
    *[st.integers(0, 600)] * 2,
)


def after(process, blocks):
    for block in blocks:
        process = process.updated(block)
    return process


@pytest.mark.parametrize(
    ("side", "line", "log_es"),
    [
        (Side.ABOVE, WORSE, (-0.946052, 0.545022, 3.606280)),
        (Side.BELOW, Line(1, 0.01), (0.351626, -0.706375, -1.858520)),
    ],
)
def test_gives_the_known_traces(side, line, log_es):
    process = EProcess.begin(side, line)
    for block, log_e in zip(TRACE, log_es, strict=True):
        process = process.updated(block)
        assert process.log_e == pytest.approx(log_e, abs=6e-7)


def test_begins_without_evidence():
    for restarts in (True, False):
        assert EProcess.begin(Side.ABOVE, WORSE, restarts=restarts).log_e == pytest.approx(0)


def test_expects_at_most_one_after_two_blocks_with_restarts():
    """By exact enumeration of both Blocks, at a null where the common rate moves between them."""
    begin = EProcess.begin(Side.ABOVE, WORSE, restarts=True)
    total = 0.0
    for first, chance in outcomes(3, 4, 0.3):
        middle = begin.updated(first)
        for second, chance_then in outcomes(4, 2, 0.6):
            total += chance * chance_then * math.exp(middle.updated(second).log_e)
    assert total <= 1 + 1e-12


def test_restarts_find_a_late_regression_earlier():
    good = [Block(1, 100, 9, 900)] * 60
    bad = [Block(3, 100, 9, 900)] * 60
    looks = {}
    for restarts in (True, False):
        process = after(EProcess.begin(Side.ABOVE, WORSE, restarts=restarts), good)
        looks[restarts] = next(
            look for look in range(61) if after(process, bad[:look]).crossed(0.05)
        )
    assert looks[True] < looks[False]


def test_crossed_stays_crossed():
    bad = after(EProcess.begin(Side.ABOVE, WORSE), [Block(10, 50, 4, 450)])
    good = after(bad, [Block(0, 50, 4, 450)] * 50)
    assert bad.crossed(0.05)
    assert good.log_e < 0
    assert good.crossed(0.05)


def test_a_block_without_candidate_requests_only_teaches_the_baseline():
    begin = EProcess.begin(Side.ABOVE, WORSE, restarts=True)
    grown = begin.updated(Block(0, 0, 9, 300))
    assert grown.baseline == Baseline(10, 400)
    assert (grown.sums, grown.late_sums, grown.blocks) == (begin.sums, begin.late_sums, 0)


def test_learns_stables_rate_only_after_weighing():
    """Else a stable outage in this very look would choose its own alternative."""
    calm = EProcess.begin(Side.ABOVE, WORSE).updated(Block(2, 50, 0, 0))
    taught = EProcess.begin(Side.ABOVE, WORSE).updated(Block(0, 0, 40, 400))
    assert taught.updated(Block(2, 50, 0, 0)).log_e == pytest.approx(0)
    assert calm.log_e == pytest.approx(0)
    assert taught.updated(Block(9, 50, 40, 450)).log_e != calm.updated(Block(9, 50, 40, 450)).log_e


def test_survives_a_stable_that_fails_always():
    for side, line in ((Side.ABOVE, WORSE), (Side.BELOW, Line(1, 0.6)), (Side.BELOW, Line(2, 0.5))):
        process = after(EProcess.begin(side, line), [Block(50, 50, 450, 450)] * 5)
        assert math.isfinite(process.log_e)


def test_an_alternative_that_is_no_better_than_the_line_weighs_nothing():
    """Where stable errs more than an absolute limit allows, "like stable" is no promise kept."""
    begin = EProcess.begin(Side.BELOW, Line(0, 0.005))
    assert begin.updated(Block(0, 500, 0, 0)).log_e == pytest.approx(0)


@given(st.lists(BLOCKS, max_size=6), st.lists(BLOCKS, max_size=3), st.booleans())
def test_goes_on_after_a_ledger_row_as_if_nothing_had_happened(before, then, restarts):
    process = after(EProcess.begin(Side.ABOVE, WORSE, restarts=restarts), before)
    row = json.dumps(process.to_dict(), allow_nan=False)
    assert after(EProcess.from_dict(json.loads(row)), then) == after(process, then)


def test_looking_all_the_time_rolls_an_equal_candidate_back_in_fewer_than_5_of_100():
    luck, runs = random.Random(7), 150
    crossed = 0
    for _ in range(runs):
        process = EProcess.begin(Side.ABOVE, WORSE, restarts=True)
        for _ in range(60):
            process = process.updated(Block(hits(luck, 50, 0.02), 50, hits(luck, 50, 0.02), 50))
        crossed += process.crossed(0.05)
    assert crossed / runs < 0.05


def outcomes(na, nb, rate):
    for ka in range(na + 1):
        for kb in range(nb + 1):
            chance = math.comb(na, ka) * math.comb(nb, kb)
            chance *= rate ** (ka + kb) * (1 - rate) ** (na + nb - ka - kb)
            yield Block(ka, na, kb, nb), chance


def hits(luck, count, rate):
    return sum(luck.random() < rate for _ in range(count))
