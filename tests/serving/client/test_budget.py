from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from serving.client.budget import RetryBudget
from serving.client.settings import Retries


@given(
    st.lists(st.booleans(), max_size=500),
    st.floats(0, 1),
    st.integers(1, 20),
)
def test_repetitions_never_exceed_their_share_and_the_reserve(
    asks: list[bool], share: float, reserve: int
) -> None:
    budget = RetryBudget.full(Retries(share=share, reserve=reserve))
    calls = repeated = 0
    for is_call in asks:
        if is_call:
            calls, budget = calls + 1, budget.earned()
            continue
        spent = budget.spent()
        assert (spent is None) == (budget.tokens < 1)
        repeated, budget = repeated + (spent is not None), spent or budget
    assert repeated <= share * calls + reserve + 1e-6
    assert 0 <= budget.tokens <= reserve


def test_five_calls_earn_one_repetition() -> None:
    budget = RetryBudget(0.0, 0.2, 10)
    for _ in range(5):
        assert budget.spent() is None
        budget = budget.earned()
    assert budget.spent() is not None


def test_a_calm_day_saves_up_no_storm() -> None:
    budget = RetryBudget.full(Retries())
    for _ in range(10_000):
        budget = budget.earned()
    assert budget.tokens == Retries().reserve
