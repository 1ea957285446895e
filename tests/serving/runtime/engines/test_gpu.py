from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from serving.runtime.engines.gpu import engines_of, first_visible, gpu_share, read_gpu

HAS_GPU = shutil.which("nvidia-smi") is not None
needs_gpu = pytest.mark.skipif(not HAS_GPU, reason="NO GPU HERE: what the driver says is unproven")


def test_engines_are_kept_for_each_type_of_gpu_and_each_model() -> None:
    one = engines_of("NVIDIA H100 80GB HBM3", b"a graph")
    assert one.parent == Path("nvidia-h100-80gb-hbm3")
    assert one != engines_of("NVIDIA H100 80GB HBM3", b"another graph")
    assert one == engines_of("NVIDIA H100 80GB HBM3", b"a graph")


@pytest.mark.parametrize(
    ("visible", "first"), [(None, "0"), ("", "0"), ("2,3", "2"), ("GPU-4f1a, GPU-9", "GPU-4f1a")]
)
def test_the_gpu_is_the_one_that_cuda_calls_the_first(visible: str | None, first: str) -> None:
    given = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    assert first_visible(given) == first


@pytest.mark.skipif(HAS_GPU, reason="there is a GPU here")
def test_a_machine_without_a_driver_has_no_gpu(tmp_path: Path) -> None:
    assert read_gpu() is None
    graph = tmp_path / "model.onnx"
    assert gpu_share(["CUDAExecutionProvider"], 0.9, graph, None) is None


def test_nobody_is_asked_where_nothing_could_compute_on_it(tmp_path: Path) -> None:
    assert gpu_share(["CPUExecutionProvider"], 0.9, tmp_path / "no.onnx", None) is None


@needs_gpu
def test_a_share_of_the_memory_and_a_folder_for_its_engines(tmp_path: Path) -> None:
    graph = tmp_path / "model.onnx"
    graph.write_bytes(b"a graph")
    gpu = read_gpu()
    share = gpu_share(["CUDAExecutionProvider"], 0.5, graph, tmp_path / "cache")
    assert gpu is not None
    assert share is not None
    assert share.memory_bytes == gpu.memory_bytes // 2
    assert share.cache == tmp_path / "cache" / engines_of(gpu.name, b"a graph")
    assert 0 < gpu.used_bytes <= gpu.memory_bytes
    assert 0 <= gpu.utilization <= 1
