"""Which providers are asked for. That they compute is not shown here: it takes a GPU."""

from __future__ import annotations

from pathlib import Path

import pytest

from serving.runtime.engines.providers import GpuShare, providers_for

CPU, CUDA, TENSORRT = (
    "CPUExecutionProvider",
    "CUDAExecutionProvider",
    "TensorrtExecutionProvider",
)
ALL = (TENSORRT, CUDA, CPU)
SHARE = GpuShare(memory_bytes=1000, cache=Path("/cache/nvidia-h100"))


def names(device: str, available: tuple[str, ...], gpu: GpuShare | None = SHARE) -> list[str]:
    return [provider.name for provider in providers_for(device, available, gpu)]


def test_what_a_provider_lacks_runs_on_the_next() -> None:
    assert names("tensorrt", ALL) == [TENSORRT, CUDA, CPU]
    assert names("cuda", ALL) == [CUDA, CPU]
    assert names("cpu", ALL) == [CPU]


def test_auto_takes_the_gpu_where_there_is_one() -> None:
    assert names("auto", ALL) == [CUDA, CPU]
    assert names("auto", ALL, gpu=None) == [CPU]
    assert names("auto", (CPU,)) == [CPU]


@pytest.mark.parametrize("device", ["cuda", "tensorrt"])
def test_a_gpu_that_was_asked_for_and_is_not_there_is_an_error(device: str) -> None:
    for available, gpu in (((CPU,), SHARE), (ALL, None)):
        with pytest.raises(ValueError, match=f"there is no {device} here"):
            providers_for(device, available, gpu)


def test_memory_is_limited_and_engines_are_kept_per_type_of_gpu() -> None:
    tensorrt, cuda, cpu = providers_for("tensorrt", ALL, SHARE)
    assert cuda.options["gpu_mem_limit"] == "1000"
    assert tensorrt.options["trt_engine_cache_enable"] == "1"
    assert tensorrt.options["trt_engine_cache_path"] == "/cache/nvidia-h100"
    assert tensorrt.options["trt_fp16_enable"] == "0"
    assert cpu.options == {}


def test_tensorrt_is_told_of_a_graph_in_half_precision() -> None:
    tensorrt, *others = providers_for("tensorrt", ALL, SHARE, half=True)
    assert tensorrt.options["trt_fp16_enable"] == "1"
    assert not any("trt_fp16_enable" in other.options for other in others)
