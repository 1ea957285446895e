"""Sample-ratio mismatch: known answers, the tolerance, and what teaches nothing."""

import json

import pytest

from tiffin.analysis.srm import SampleRatio


@pytest.mark.parametrize(
    ("candidate", "log_e"), [(80, 3.681070), (100, 14.866541), (50, -2.090746)]
)
def test_gives_the_known_answers(candidate, log_e):
    assert SampleRatio().updated(candidate, 500, 0.1).log_e == pytest.approx(log_e, abs=6e-7)


def test_finds_a_router_that_gives_15_percent_instead_of_10():
    ratio = SampleRatio()
    for _ in range(4):
        ratio = ratio.updated(75, 500, 0.1)
    assert ratio.crossed()


def test_finds_no_fault_within_the_tolerance_however_long_it_looks():
    ratio = SampleRatio()
    for _ in range(300):
        ratio = ratio.updated(54, 500, 0.1)
    assert not ratio.crossed()


def test_the_share_may_change_from_look_to_look():
    ratio = SampleRatio()
    for share in (0.05, 0.1, 0.25, 0.5) * 20:
        ratio = ratio.updated(round(500 * share), 500, share)
    assert not ratio.crossed()


@pytest.mark.parametrize(("total", "share"), [(0, 0.1), (500, 0.0), (500, 1.0)])
def test_learns_nothing_without_requests_or_without_a_split(total, share):
    assert SampleRatio().updated(0, total, share) == SampleRatio()


def test_a_share_near_everything_can_only_be_too_small():
    assert SampleRatio().updated(480, 500, 0.95).log_e < 0
    assert SampleRatio().updated(300, 500, 0.95).crossed()


def test_fired_stays_fired_and_survives_a_ledger_row():
    ratio = SampleRatio().updated(100, 500, 0.1)
    for _ in range(40):
        ratio = ratio.updated(50, 500, 0.1)
    assert ratio.crossed()
    assert SampleRatio.from_dict(json.loads(json.dumps(ratio.to_dict()))) == ratio
