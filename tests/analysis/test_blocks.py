"""The e-value of one look: known answers, and the two properties that make it an e-value."""

import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiffin.analysis.blocks import Block, Line, block_log_e, nearest_null
from tiffin.errors import RefusedError

STABLE = 0.01
KNOWN = [
    (Block(3, 50, 5, 450), 3 / 102, Line(1, 0), (0.0119411765, 0.0119411765), 1.8520980758),
    (Block(0, 50, 4, 450), STABLE, Line(1, 0.005), (0.0146573163, 0.0096573163), 0.2208961847),
    (Block(1, 100, 9, 900), STABLE, Line(1.5, 0.001), (0.0151876253, 0.0094584169), 0.1160597058),
    (Block(4, 200, 0, 0), 2 / 101, Line(0, 0.01), (0.01, 0.01), 0.7825225516),
]
LINES = [Line(1, 0), Line(1, 0.2), Line(1.5, 0.05), Line(0.7, 0.1), Line(0, 0.3)]


@pytest.mark.parametrize(("block", "rate", "line", "point", "log_e"), KNOWN)
def test_gives_the_known_answers(block, rate, line, point, log_e):
    assert nearest_null(block, line, rate, STABLE) == pytest.approx(point, abs=6e-11)
    assert block_log_e(block, line, rate, STABLE) == pytest.approx(log_e, abs=6e-11)


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("above", [True, False])
def test_expects_at_most_one_wherever_the_null_holds(line, above):
    """By exact enumeration of every outcome, at random points on the null's side of the line."""
    luck = random.Random(1)
    for _ in range(60):
        qa, qb = alternative(luck, line, above=above)
        a, b = null_point(luck, line, above=above)
        na, nb = luck.randint(1, 5), luck.randint(0, 5)
        assert expectation(na, nb, line, (qa, qb), (a, b)) <= 1 + 1e-12


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("above", [True, False])
def test_gains_nothing_at_any_corner_of_the_null(line, above):
    """What bounds the expectation is affine in the true rates, so the corners tell it all."""
    luck = random.Random(2)
    for _ in range(300):
        qa, qb = alternative(luck, line, above=above)
        na, nb = luck.randint(1, 2000), luck.randint(0, 2000)
        a, t = nearest_null(Block(0, na, 0, nb), line, qa, qb)
        for x, y in null_corners(line, above=above):
            fa = x * qa / a + (1 - x) * (1 - qa) / (1 - a)
            fb = y * qb / t + (1 - y) * (1 - qb) / (1 - t) if nb else 0.0
            assert (na * fa + nb * fb) / (na + nb) <= 1 + 1e-10


@given(
    bad=st.integers(0, 49),
    stable=st.integers(0, 450),
    rate=st.floats(0.02, 0.9),
    margin=st.sampled_from([0.0, 0.005, 0.01]),
)
def test_one_more_failure_never_makes_the_candidate_look_better(bad, stable, rate, margin):
    less, more = (
        block_log_e(Block(ka, 50, stable, 450), Line(1, margin), rate, 0.005)
        for ka in (bad, bad + 1)
    )
    assert more > less


def test_without_candidate_requests_there_is_no_evidence():
    assert block_log_e(Block(0, 0, 7, 450), Line(1, 0), 0.1, 0.01) == 0


def test_an_alternative_on_the_line_is_no_evidence():
    assert block_log_e(Block(9, 50, 7, 450), Line(1, 0.01), 0.03, 0.02) == pytest.approx(0)


def test_an_absolute_promise_does_not_need_stable():
    alone = block_log_e(Block(4, 200, 0, 0), Line(0, 0.01), 0.02, 0.01)
    assert block_log_e(Block(4, 200, 30, 900), Line(0, 0.01), 0.02, 0.01) == alone


@pytest.mark.parametrize("counts", [(2, 1, 0, 0), (0, 0, 3, 2), (-1, 4, 0, 0)])
def test_refuses_counts_that_cannot_be(counts):
    with pytest.raises(RefusedError, match=r"bad-block"):
        Block(*counts)


@pytest.mark.parametrize(("r", "d"), [(1, 1), (0, 0), (-1, 0.5), (1, -0.1), (math.nan, 0.1)])
def test_refuses_a_line_that_leaves_the_rates(r, d):
    with pytest.raises(RefusedError, match=r"bad-line"):
        Line(r, d)


def test_refuses_a_line_that_leaves_the_rates_where_stable_is():
    with pytest.raises(RefusedError, match=r"where stable errs at 0\.6"):
        block_log_e(Block(1, 9, 1, 9), Line(1, 0.5), 0.7, 0.6)


@pytest.mark.parametrize(("qa", "qb"), [(0, 0.1), (1, 0.1), (0.1, 0), (0.1, 1)])
def test_refuses_an_alternative_that_is_no_rate(qa, qb):
    with pytest.raises(RefusedError, match="must lie between 0 and 1"):
        block_log_e(Block(1, 9, 1, 9), Line(1, 0), qa, qb)


def alternative(luck, line, *, above):
    """Return rates on the alternative's side of the line, both between 0 and 1."""
    while True:
        qa, qb = luck.uniform(0.001, 0.999), luck.uniform(0.001, 0.999)
        x = line.r * qb + line.d
        if x < 1 and (qa > x) == above:
            return qa, qb


def null_point(luck, line, *, above):
    while True:
        a, b = luck.random(), luck.random()
        if (a <= line.r * b + line.d) == above:
            return a, b


def null_corners(line, *, above):
    """Return the corners of the null region in the unit square, those on its edge too."""
    corners = [(x, y) for x in (0, 1) for y in (0, 1)]
    edge = [(line.r * y + line.d, y) for y in (0, 1)]
    if line.r:
        edge += [(x, (x - line.d) / line.r) for x in (0, 1)]
    inside = [(x, y) for x, y in corners if (x <= line.r * y + line.d) == above]
    return inside + [(x, y) for x, y in edge if 0 <= x <= 1 and 0 <= y <= 1]


def expectation(na, nb, line, chosen, true):
    total = 0.0
    for ka, kb in itertools.product(range(na + 1), range(nb + 1)):
        chance = binomial(ka, na, true[0]) * binomial(kb, nb, true[1])
        total += chance * math.exp(block_log_e(Block(ka, na, kb, nb), line, *chosen))
    return total


def binomial(k, n, p):
    return math.comb(n, k) * p**k * (1 - p) ** (n - k)
