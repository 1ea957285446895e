from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from serving.models.meta_learner import TLearner


def experiment(rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(5)
    facts = random.normal(size=(rows, 1))
    treated = random.integers(0, 2, size=rows)
    outcome = facts[:, 0] + treated * (3 + 2 * facts[:, 0]) + random.normal(size=rows)
    return facts, outcome, treated


def test_finds_an_effect_that_differs_from_row_to_row() -> None:
    model = TLearner(LinearRegression(), replicates=30).fit(*experiment(2000))
    effects = model.predict([[0.0], [1.0]])
    assert effects == pytest.approx([3.0, 5.0], abs=0.3)


def test_intervals_hold_the_effect_and_shrink_with_more_rows() -> None:
    widths = []
    for rows in (200, 4000):
        model = TLearner(LinearRegression(), replicates=40).fit(*experiment(rows))
        low, high = model.predict_interval([[0.0]])[0]
        assert low < 3.0 < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


def test_the_same_seed_gives_the_same_interval() -> None:
    one, other = (
        TLearner(LinearRegression(), replicates=10, seed=2)
        .fit(*experiment(100))
        .predict_interval([[0.5]])
        for _ in range(2)
    )
    assert (one == other).all()


def test_refuses_data_without_a_control_group() -> None:
    facts, outcome, _ = experiment(20)
    with pytest.raises(ValueError, match="treated and untreated"):
        TLearner(LinearRegression()).fit(facts, outcome, np.ones(20))
