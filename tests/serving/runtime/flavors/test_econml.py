from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import yaml

from serving.runtime.engines.native import NativeEngine
from serving.runtime.flavors.econml import knows_only_effects, with_effects_as_predictions
from serving.runtime.identity import ModelKind
from serving.runtime.model_files import load_model
from serving.runtime.rows import Rows

ROWS = Rows(matrix=np.array([[1.0, 2.0], [3.0, 4.0]]))


class LikeEconml:
    """Has what econml's estimators have, whether or not they were fitted with inference."""

    def __init__(self, inference: object = None, outcomes: int = 1) -> None:
        self._inference = inference
        self._outcomes = outcomes

    def effect(self, table: np.ndarray) -> np.ndarray:
        return np.repeat(table[:, :1], self._outcomes, axis=1)

    def effect_interval(self, table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.effect(table) - 1, self.effect(table) + 1


def saved(folder: Path, estimator: object) -> Path:
    """Save as `mlflow.sklearn` does what has no `predict`: without a python_function."""
    tensor = '[{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 2]}}]'
    flavor = {"pickled_model": "model.pkl", "serialization_format": "cloudpickle"}
    description = {"flavors": {"sklearn": flavor}, "signature": {"inputs": tensor}}
    (folder / "MLmodel").write_text(yaml.safe_dump(description))
    (folder / "model.pkl").write_bytes(pickle.dumps(estimator))
    return folder


@pytest.mark.parametrize(
    ("inference", "intervals"), [(None, None), ("of statsmodels", [[0.0, 2.0], [2.0, 4.0]])]
)
def test_effects_are_the_predictions(
    tmp_path: Path, inference: str | None, intervals: list[list[float]] | None
) -> None:
    model = load_model(saved(tmp_path, LikeEconml(inference)))
    outputs = NativeEngine(model, ModelKind.CAUSAL).outputs(ROWS)
    assert outputs["predictions"].tolist() == [1.0, 3.0]
    assert (outputs["intervals"].tolist() if "intervals" in outputs else None) == intervals


def test_effects_on_several_outcomes_are_refused() -> None:
    with pytest.raises(ValueError, match="2 effects for each row"):
        with_effects_as_predictions(LikeEconml(outcomes=2)).predict(ROWS.matrix)


def test_what_predicts_effects_itself_stays_as_it_is() -> None:
    class Predicts(LikeEconml):
        def predict(self, table: np.ndarray) -> np.ndarray:
            return self.effect(table)

    assert not knows_only_effects(Predicts())


def test_econml_itself_answers_with_its_own_intervals(tmp_path: Path) -> None:
    dml = pytest.importorskip("econml.dml")
    from sklearn.linear_model import LinearRegression, LogisticRegression

    random = np.random.default_rng(0)
    table, treated = random.normal(size=(200, 2)), random.integers(0, 2, 200)
    model = dml.LinearDML(
        model_y=LinearRegression(), model_t=LogisticRegression(), discrete_treatment=True
    ).fit(table[:, 0] * treated, treated, X=table)
    engine = NativeEngine(load_model(saved(tmp_path, model)), ModelKind.CAUSAL)
    outputs, (low, high) = engine.outputs(ROWS), model.effect_interval(ROWS.matrix)
    assert outputs["predictions"].tolist() == model.effect(ROWS.matrix).tolist()
    assert outputs["intervals"].tolist() == np.column_stack([low, high]).tolist()
