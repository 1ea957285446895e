"""A model of no flavor that we know: MLflow's python_function, from the artifact to an answer."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.serving.served_models import example_service
from tests.serving.services.bentoml_server import serving
from tiffin.home import PROJECT
from tiffin.packaging.bento import BentoReference, LoggedModel, ensure_bento
from tiffin.packaging.content import tree_digest
from tiffin.services.spec import Kind, Service
from tiffin.validation.description import read_description
from tiffin.validation.frameworks import check_frameworks, installed_versions

pytestmark = pytest.mark.timeout(400)

ROW = {"c0": 1.5, "c1": 9.0}
"""The model doubles c0."""

ANSWER = """
import json, sys
from pathlib import Path
from serving.runtime.engines.open import open_engine
from serving.runtime.identity import ModelKind
from serving.runtime.rows import Rows
from serving.runtime.settings import ServerSettings
engine = open_engine(Path(sys.argv[1]), ModelKind.CAUSAL, ServerSettings())
outputs = engine.outputs(Rows(cells=[[float(cell) for cell in sys.argv[2:]]]))
answer = {name: values.tolist() for name, values in outputs.items()}
print(json.dumps([engine.name, engine.output_names, answer]))
"""


def packaged(home: Path, flavors: Path, kind: Kind) -> BentoReference:
    fields = example_service("doubled", kind).model_dump() | {"validation": {"target": "number"}}
    artifact = flavors / "pyfunc"
    model = LoggedModel(artifact, tree_digest(artifact), flavors / "data.csv")
    return ensure_bento(home, Service.model_validate(fields), model, PROJECT)


def test_a_python_function_answers_natively_with_an_interval_that_was_measured(
    flavors: Path, tmp_path: Path
) -> None:
    home = tmp_path / "bentoml"
    bento = packaged(home, flavors, Kind.REGRESSION)
    assert bento.inference is not None
    assert bento.inference.engine == "native"
    assert "PythonFunction has no scikit-learn interface" in bento.inference.reason
    with serving(tmp_path, bento.tag, home) as server:
        answer = server.predict([ROW]).json()
        assert answer["predictions"] == [3.0]
        ((low, high),) = answer["intervals"]
        assert low < 3.0 < high
        assert low + high == pytest.approx(6.0)
        info = requests.get(f"{server.url}/model_info", timeout=30).json()
        assert info["engine"] == "native"
        assert info["inference"]["interval"] == "conformal, 90 %, from 80 evaluation rows"
        tensors = requests.get(f"{server.url}/v2/models/doubled", timeout=30).json()["outputs"]
        assert [tensor["name"] for tensor in tensors] == ["predictions", "intervals"]
        inputs = [
            {"name": name, "datatype": "FP64", "shape": [1, 1], "data": [value]}
            for name, value in ROW.items()
        ]
        asked = {"inputs": inputs, "outputs": [{"name": "intervals"}]}
        (interval,) = server.post("/v2/models/doubled/infer", asked).json()["outputs"]
        assert interval["data"] == pytest.approx([low, high])


def test_one_for_effects_has_no_interval_and_promises_none(flavors: Path, tmp_path: Path) -> None:
    bento = packaged(tmp_path, flavors, Kind.CAUSAL)
    assert bento.inference is not None
    assert bento.inference.interval is None
    (model,) = (path for path in tmp_path.glob("models/doubled/*") if path.is_dir())
    command = [sys.executable, "-c", ANSWER, str(model), *map(str, ROW.values())]
    done = subprocess.run(command, check=True, capture_output=True, timeout=100, cwd=PROJECT)
    assert json.loads(done.stdout) == ["native", ["predictions"], {"predictions": [3.0]}]


def test_what_it_needs_and_the_runtime_lacks_is_said_in_one_sentence(
    flavors: Path, tmp_path: Path
) -> None:
    artifact = tmp_path / "model"
    shutil.copytree(flavors / "pyfunc", artifact)
    (artifact / "requirements.txt").write_text("mlflow==3.17.2\nno-such-uplift-library==2.1\n")
    check = check_frameworks(artifact, read_description(artifact), installed_versions())
    assert check.sentence == (
        "the model needs no-such-uplift-library==2.1, which the runtime lacks; "
        "pip install no-such-uplift-library==2.1"
    )
