from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from serving.conversion.conversion import convert
from serving.runtime.engines.compiled import CompiledFiles
from serving.runtime.engines.onnx import OnnxEngine
from serving.runtime.engines.open import open_engine
from serving.runtime.identity import ModelKind
from serving.runtime.model_files import load_model
from serving.runtime.offline_predict import read_rows
from serving.runtime.settings import Device, ServerSettings
from tests.serving.served_models import ServedModels
from tiffin.home import PROJECT

pytestmark = pytest.mark.timeout(400)

NAME = "credit-risk:v1"
COLD_START = """
import sys
from pathlib import Path
from serving.runtime.engines.open import open_engine
from serving.runtime.identity import ModelKind
from serving.runtime.rows import Rows
from serving.runtime.settings import ServerSettings
engine = open_engine(Path(sys.argv[1]), ModelKind.CLASSIFICATION, ServerSettings())
row = [9, "rent", 60, 30, "married", "no", "freelance", 73, 129, 0, 0, 800, 846]
print(engine.name, *engine.outputs(Rows(cells=[row]))["predictions"])
print(*sorted({"sklearn", "pandas", "scipy", "skops", "onnxruntime"} & sys.modules.keys()))
"""


@pytest.fixture(scope="module")
def compiled(served: ServedModels, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifact with its compiled model beside it, as a bento has it."""
    artifact = tmp_path_factory.mktemp("open") / "model"
    shutil.copytree(served.artifact(NAME), artifact)
    model = load_model(artifact)
    cells = read_rows(served.evaluation(NAME), model.signature).cells
    report = convert(model, ModelKind.CLASSIFICATION, cells, 1e-5, artifact)
    assert report.engine == "onnxruntime", report.reason
    return artifact


def cold(artifact: Path) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", COLD_START, str(artifact)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=PROJECT,
    )
    return done.stdout.splitlines()


def test_a_compiled_model_needs_neither_scikit_learn_nor_pandas(compiled: Path) -> None:
    assert cold(compiled) == ["onnxruntime good", "onnxruntime"]


def test_a_native_model_does_not_need_onnx_runtime(served: ServedModels) -> None:
    engine, modules = cold(served.artifact(NAME))
    assert engine == "native good"
    assert "onnxruntime" not in modules.split()


def test_the_report_alone_is_no_compiled_model(compiled: Path, tmp_path: Path) -> None:
    artifact = tmp_path / "model"
    shutil.copytree(compiled, artifact)
    CompiledFiles(artifact).graph.unlink()
    assert open_engine(artifact, ModelKind.CLASSIFICATION, ServerSettings()).name == "native"


def test_a_compiled_model_gets_the_threads_that_were_asked_for(compiled: Path) -> None:
    for threads in (1, 3):
        engine = open_engine(compiled, ModelKind.CLASSIFICATION, ServerSettings(threads=threads))
        assert isinstance(engine, OnnxEngine)
        assert engine._session.get_session_options().intra_op_num_threads == threads


@pytest.mark.skipif(shutil.which("nvidia-smi") is not None, reason="there is a GPU here")
@pytest.mark.parametrize("device", [Device.CUDA, Device.TENSORRT])
def test_a_device_that_is_not_here_is_refused_in_one_sentence(
    compiled: Path, device: Device
) -> None:
    with pytest.raises(ValueError, match=f"there is no {device.value} here; set DEVICE to auto"):
        open_engine(compiled, ModelKind.CLASSIFICATION, ServerSettings(device=device))
