from __future__ import annotations

import pickle
import re
from pathlib import Path

import pytest
import sklearn
from sklearn.cluster import KMeans
from sklearn.linear_model import LinearRegression

from serving.models.meta_learner import TLearner
from tests.registration.model_files import NUMBERS
from tiffin.errors import RefusedError
from tiffin.registration.columns import Reads
from tiffin.registration.loading import load
from tiffin.registration.recognition import Form, recognise
from tiffin.services.spec import Kind

ALL = ("tenure", "plan", "monthly")
TWO = ("tenure", "monthly")
LABELS, NUMBER = Kind.CLASSIFICATION, Kind.REGRESSION


@pytest.mark.parametrize(("name", "framework", "kind", "reads"), [
    ("churn.pkl", "scikit-learn", LABELS, Reads(ALL, 3)),
    ("churn.joblib", "scikit-learn", LABELS, Reads(ALL, 3)),
    ("churn.skops", "scikit-learn", LABELS, Reads(ALL, 3)),
    ("forest.bin", "scikit-learn", LABELS, Reads(None, 2)),
    ("ridge.pkl", "scikit-learn", NUMBER, Reads(TWO, 2)),
    ("trees.json", "xgboost", LABELS, Reads(TWO, 2)),
    ("trees.ubj", "xgboost", LABELS, Reads(TWO, 2)),
    ("values.ubj", "xgboost", NUMBER, Reads(TWO, 2)),
    ("light.txt", "lightgbm", NUMBER, Reads(TWO, 2)),
    ("light.joblib", "lightgbm", LABELS, Reads(TWO, 2)),
    ("graph.model", "onnxruntime", LABELS, Reads(None, 2)),
])  # fmt: skip
def test_the_framework_the_kind_and_the_columns_are_found_out(
    files: Path, name: str, framework: str, kind: Kind, reads: Reads
) -> None:
    loaded = load(name, files / name, recognise(files / name))
    assert (loaded.framework, loaded.kind, loaded.reads) == (framework, kind, reads)
    assert re.fullmatch(rf"{framework}==\d+\.\d+.*", loaded.requirement)


def test_a_booster_without_its_classes_says_what_it_answers(files: Path) -> None:
    assert "the probability of class 1" in load("l", files / "light.txt", Form.LIGHTGBM).note


@pytest.mark.parametrize(("model", "kind"), [(TLearner(None), Kind.CAUSAL), (KMeans(), None)])
def test_what_answers_effects_is_causal_and_a_clustering_says_nothing(
    tmp_path: Path, model: object, kind: Kind | None
) -> None:
    (tmp_path / "m.pkl").write_bytes(pickle.dumps(model))
    assert load("m.pkl", tmp_path / "m.pkl", Form.PICKLE).kind is kind


def test_econml_answers_effects_of_rows_without_names(tmp_path: Path) -> None:
    dml = pytest.importorskip("econml.dml")
    table = NUMBERS.to_numpy()
    model = dml.LinearDML(model_y=LinearRegression(), model_t=LinearRegression())
    model.fit(table[:, 0], table[:, 1], X=table)
    (tmp_path / "m.pkl").write_bytes(pickle.dumps(model))
    loaded = load("m.pkl", tmp_path / "m.pkl", Form.PICKLE)
    found = (loaded.framework, loaded.kind, loaded.reads)
    assert found == ("econml", Kind.CAUSAL, Reads(None, 2))


@pytest.mark.parametrize(
    ("name", "held"), [("scaler.pkl", "StandardScaler"), ("pieces.pkl", "dict")]
)
def test_a_file_without_a_model_is_refused(files: Path, name: str, held: str) -> None:
    with pytest.raises(RefusedError, match=f"holds a {held}, which has no `predict`") as refused:
        load(name, files / name, Form.PICKLE)
    assert refused.value.code == "bad-model-file"


def test_a_model_of_another_scikit_learn_is_refused_by_its_version(
    files: Path, tmp_path: Path
) -> None:
    here = sklearn.__version__.encode()
    content = (files / "ridge.pkl").read_bytes()
    assert here in content
    (tmp_path / "ridge.pkl").write_bytes(content.replace(here, b"0.9.9"[: len(here)]))
    with pytest.raises(RefusedError, match=r"saved with scikit-learn 0\.9\.9, here is") as refused:
        load("ridge.pkl", tmp_path / "ridge.pkl", Form.PICKLE)
    assert refused.value.code == "model-fails"


def test_a_model_that_can_not_be_loaded_any_more_is_refused_by_its_version(tmp_path: Path) -> None:
    content = b"\x80\x04\x8c\x10_sklearn_version\x94\x8c\x050.9.9\x94\x8c\x01x\x8c\x01y\x93."
    (tmp_path / "old.pkl").write_bytes(content)
    with pytest.raises(RefusedError, match=r"saved with scikit-learn 0\.9\.9"):
        load("old.pkl", tmp_path / "old.pkl", Form.PICKLE)


def test_a_library_that_is_missing_is_named(tmp_path: Path) -> None:
    (tmp_path / "m.pkl").write_bytes(b"\x80\x04\x8c\x08nowhere1\x8c\x05Model\x93.")
    with pytest.raises(RefusedError, match=r"m\.pkl needs nowhere1.*pip install"):
        load("m.pkl", tmp_path / "m.pkl", Form.PICKLE)


def test_a_graph_whose_weights_are_elsewhere_is_refused(files: Path, tmp_path: Path) -> None:
    import onnx

    graph = onnx.load(str(files / "graph.model"))
    weights = onnx.numpy_helper.from_array(NUMBERS.to_numpy(), "weights")
    graph.graph.initializer.append(weights)
    graph.graph.initializer[-1].data_location = onnx.TensorProto.EXTERNAL
    (tmp_path / "m.onnx").write_bytes(graph.SerializeToString())
    with pytest.raises(RefusedError, match="keeps its weights in another file"):
        load("m.onnx", tmp_path / "m.onnx", Form.ONNX)
