"""Rollback, promote or hold, and the sentence that says why."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiffin.analysis.blocks import Block
from tiffin.analysis.harm import Share, Undecidable
from tiffin.analysis.verdict import Analysis, AnalysisPolicy, Decision, next_share

BEGIN = Analysis.begin(AnalysisPolicy())
BLOCKS = st.builds(
    lambda na, nb, a, b: Block(min(a, na), na, min(b, nb), nb),
    st.integers(0, 300),
    st.integers(0, 600),
    st.integers(0, 30),
    st.integers(0, 30),
)


def looked(analysis, blocks, share_bp=1000):
    """Look at every Block; return the analysis and the last Verdict."""
    verdict = None
    for block in blocks:
        analysis, verdict = analysis.looked(block, share_bp)
    return analysis, verdict


def test_rolls_back_a_candidate_that_fails_always_at_the_first_look():
    _, verdict = looked(BEGIN, [Block(40, 40, 4, 460)])
    assert verdict.decision is Decision.ROLLBACK


def test_rolls_back_when_the_canary_errs_five_times_as_often_and_says_why():
    _, verdict = looked(BEGIN, [Block(0, 50, 1, 450), Block(14, 162, 1, 1430)])
    assert verdict.decision is Decision.ROLLBACK
    assert verdict.reason.startswith(
        "candidate 14 of 212 failed (6.6 %), stable 2 of 1,880 (0.1 %): surely worse (e = "
    )
    assert verdict.reason.endswith("≥ 20)")


def test_rolls_back_when_the_canary_errs_twice_as_often():
    luck, analysis = random.Random(3), BEGIN
    for _ in range(120):
        block = Block(hits(luck, 250, 0.02), 250, hits(luck, 250, 0.01), 250)
        analysis, verdict = analysis.looked(block, 5000)
        if verdict.decision is Decision.ROLLBACK:
            break
    assert verdict.decision is Decision.ROLLBACK


def test_promotes_an_equal_candidate():
    _, verdict = looked(BEGIN, [Block(1, 250, 2, 250)] * 3, share_bp=5000)
    assert verdict.decision is Decision.PROMOTE
    assert "surely not worse than stable by 1 %" in verdict.reason


def test_holds_while_it_is_not_sure():
    _, verdict = looked(BEGIN, [Block(0, 50, 4, 450)])
    assert verdict.decision is Decision.HOLD
    assert "not sure yet" in verdict.reason


def test_an_outage_that_both_share_is_not_the_candidates_fault():
    blocks = [Block(1, 50, 5, 450)] * 5 + [Block(10, 50, 90, 450)] * 6
    _, verdict = looked(BEGIN, blocks)
    assert verdict.decision is Decision.HOLD


@pytest.mark.parametrize("empty", [Block(0, 0, 0, 0), Block(0, 0, 3, 500)])
def test_no_traffic_is_neither_success_nor_failure(empty):
    analysis, verdict = looked(BEGIN, [empty])
    assert verdict.decision is Decision.HOLD
    assert "no traffic is neither success nor failure" in verdict.reason
    assert (analysis.rollback.log_e, analysis.promote.log_e) == pytest.approx((0, 0))


def test_no_traffic_does_not_promote_even_what_was_good_enough():
    good, _ = looked(BEGIN, [Block(1, 250, 2, 250)] * 3, share_bp=5000)
    assert looked(good, [Block(0, 0, 0, 0)])[1].decision is Decision.HOLD


def test_rollback_stays_rollback_without_traffic_and_after_good_looks():
    bad, _ = looked(BEGIN, [Block(40, 40, 4, 460)])
    for block in (Block(0, 0, 0, 0), Block(0, 5000, 50, 5000)):
        assert looked(bad, [block])[1].decision is Decision.ROLLBACK


def test_rollback_beats_promote():
    good, _ = looked(BEGIN, [Block(1, 250, 2, 250)] * 3, share_bp=5000)
    both, verdict = looked(good, [Block(60, 250, 2, 250)], share_bp=5000)
    assert both.promote.crossed(0.05)
    assert verdict.decision is Decision.ROLLBACK


def test_tolerates_what_the_policy_tolerates():
    lenient = Analysis.begin(AnalysisPolicy(tolerance=0.05, margin=0.1))
    blocks = [Block(8, 200, 2, 300)] * 10
    assert looked(BEGIN, blocks, 4000)[1].decision is Decision.ROLLBACK
    assert looked(lenient, blocks, 4000)[1].decision is Decision.PROMOTE


def test_says_what_the_candidate_is_surely_worse_than():
    lenient = Analysis.begin(AnalysisPolicy(tolerance=0.05, margin=0.1))
    _, verdict = looked(lenient, [Block(100, 200, 2, 300)])
    assert "surely worse than stable + 5 %" in verdict.reason


def test_a_router_that_does_not_split_as_told_stops_the_promotion_but_not_the_rollback():
    wrong, verdict = looked(BEGIN, [Block(1, 250, 2, 250)] * 3, share_bp=1000)
    assert verdict.decision is Decision.HOLD
    assert "the router must be looked at" in verdict.reason
    assert looked(wrong, [Block(200, 250, 2, 250)])[1].decision is Decision.ROLLBACK


def test_after_promotion_rolls_back_what_breaks_the_ceiling():
    analysis = looked(BEGIN, [Block(1, 250, 2, 250)] * 3, share_bp=5000)[0]
    analysis, verdict = analysis.watched(Block(1, 500, 0, 0))
    assert verdict.decision is Decision.HOLD
    analysis, verdict = analysis.watched(Block(80, 500, 7, 20))
    assert verdict.decision is Decision.ROLLBACK
    assert verdict.reason.startswith(
        "candidate 81 of 1,000 failed (8.1 %) since promotion: surely more than 5 % (e = "
    )


def test_after_promotion_no_traffic_is_neither_success_nor_failure():
    _, verdict = BEGIN.watched(Block(0, 0, 0, 0))
    assert verdict.decision is Decision.HOLD
    assert "neither success nor failure" in verdict.reason


def test_the_evidence_names_every_number():
    _, verdict = looked(BEGIN, [Block(0, 40, 4, 460)])
    row = json.loads(json.dumps(verdict.to_dict(), allow_nan=False))
    assert row["decision"] == "hold"
    assert row["evidence"]["candidate_requests"] == 40
    assert row["evidence"]["stable_bad"] == 4
    assert row["evidence"]["excess_bound"] == pytest.approx(0.086736, abs=6e-7)
    assert row["evidence"]["rollback"].keys() == {"log_e", "peak"}


def test_the_share_grows_with_the_evidence():
    assert next_share(BEGIN, 500) == Share(800)
    assert next_share(looked(BEGIN, [Block(0, 40, 4, 460)], 800)[0], 500) == Share(5000)


def test_says_when_the_budget_cannot_buy_the_evidence():
    spent, _ = looked(Analysis.begin(AnalysisPolicy(harm_budget=2)), [Block(1, 40, 4, 460)])
    assert isinstance(next_share(spent, 500), Undecidable)


@given(st.lists(BLOCKS, min_size=1, max_size=6), st.integers(0, 6))
def test_replays_to_the_same_verdict_from_any_ledger_row(blocks, row):
    through, verdict = looked(BEGIN, blocks)
    head, tail = blocks[:row], blocks[row:]
    kept = json.loads(json.dumps(looked(BEGIN, head)[0].to_dict(), allow_nan=False))
    resumed, again = looked(Analysis.from_dict(kept), tail)
    assert resumed == through
    assert not tail or again == verdict


def hits(luck, count, rate):
    return sum(luck.random() < rate for _ in range(count))


def test_a_split_that_was_wrong_for_a_while_heals():
    analysis = Analysis.begin(AnalysisPolicy(margin=0.04))
    analysis, verdict = analysis.looked(Block(0, 30, 0, 1_000), 5_000)
    for _ in range(20):
        analysis, verdict = analysis.looked(Block(0, 100, 0, 100), 5_000)
    assert verdict.decision is Decision.PROMOTE


def test_a_split_that_stays_wrong_is_not_promoted():
    analysis = Analysis.begin(AnalysisPolicy(margin=0.04))
    for _ in range(20):
        analysis, verdict = analysis.looked(Block(0, 30, 0, 1_000), 5_000)
        assert verdict.decision is Decision.HOLD
    assert "the router must be looked at" in verdict.reason


def test_sticky_callers_bend_the_split_without_blame():
    analysis = Analysis.begin(AnalysisPolicy(margin=0.04, is_sticky=True))
    for _ in range(20):
        analysis, verdict = analysis.looked(Block(0, 30, 0, 1_000), 5_000)
    assert verdict.decision is Decision.PROMOTE


def test_a_candidate_that_fails_as_much_as_a_broken_stable_is_not_promoted():
    analysis = Analysis.begin(AnalysisPolicy(margin=0.04, ceiling=0.05))
    for _ in range(80):
        analysis, verdict = analysis.looked(Block(20, 100, 20, 100), 5_000)
    assert verdict.decision is Decision.HOLD
    assert "the ceiling of 5 %" in verdict.reason


def test_a_broken_stable_does_not_block_the_fix():
    analysis = Analysis.begin(AnalysisPolicy(margin=0.04, ceiling=0.05))
    for _ in range(20):
        analysis, verdict = analysis.looked(Block(0, 100, 60, 100), 5_000)
    assert verdict.decision is Decision.PROMOTE
