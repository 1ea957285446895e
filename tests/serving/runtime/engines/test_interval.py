from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from serving.conversion.conversion import convert
from serving.runtime.engines.compiled import CompiledFiles
from serving.runtime.engines.interval import Interval, with_interval
from serving.runtime.engines.open import open_engine
from serving.runtime.identity import ModelKind
from serving.runtime.model_files import load_model
from serving.runtime.rows import Rows
from serving.runtime.settings import ServerSettings
from tests.serving.runtime.small_models import OneEngine
from tests.serving.services.tiny_artifact import tiny_artifact

ROWS = Rows(cells=[[1.0, 2.0], [3.0, 4.0]])


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    """A model that answers a + b, and an interval of 0.5 to either side."""
    artifact = tiny_artifact(tmp_path / "model")
    files = CompiledFiles(artifact)
    files.folder.mkdir()
    Interval(half_width=0.5, coverage=0.9, rows=100).write(files.interval)
    return artifact


def test_an_interval_comes_back_as_it_was_written(artifact: Path) -> None:
    assert Interval.read(CompiledFiles(artifact).interval) == Interval(0.5, 0.9, 100)


@pytest.mark.parametrize("compiled", [False, True])
def test_it_is_around_what_the_engine_predicts(artifact: Path, *, compiled: bool) -> None:
    if compiled:
        out, files = CompiledFiles(artifact.parent / "out"), CompiledFiles(artifact)
        convert(load_model(artifact), ModelKind.REGRESSION, ROWS.cells, 1e-5, out.artifact)
        shutil.copytree(out.folder, files.folder, dirs_exist_ok=True)
    engine = open_engine(artifact, ModelKind.REGRESSION, ServerSettings())
    assert engine.name == ("onnxruntime" if compiled else "native")
    outputs = engine.outputs(ROWS)
    assert tuple(outputs) == engine.output_names == ("predictions", "intervals")
    assert outputs["predictions"] == pytest.approx([3.0, 7.0])
    np.testing.assert_allclose(outputs["intervals"], [[2.5, 3.5], [6.5, 7.5]], rtol=1e-9)
    assert outputs["intervals"].flags.c_contiguous


def test_without_one_the_engine_is_as_it_was(tmp_path: Path) -> None:
    engine = OneEngine()
    assert with_interval(engine, tmp_path) is engine
