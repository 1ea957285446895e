"""Which of ONNX Runtime's execution providers compute, for a device that was asked for.

Never run on a GPU yet: the options are those of ONNX Runtime's documents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_CPU = "CPUExecutionProvider"
_CUDA = "CUDAExecutionProvider"
_TENSORRT = "TensorrtExecutionProvider"
_WANTED = {
    "cpu": (_CPU,),
    "cuda": (_CUDA, _CPU),
    "tensorrt": (_TENSORRT, _CUDA, _CPU),
}


@dataclass(frozen=True, slots=True)
class Provider:
    """An execution provider and its options; operators it lacks run on the next one."""

    name: str
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GpuShare:
    """What a server may take of the GPU, and where it keeps the engines built for it."""

    memory_bytes: int
    cache: Path
    """A folder of its own for each type of GPU and each model."""


def providers_for(
    device: str, available: Sequence[str], gpu: GpuShare | None, *, half: bool = False
) -> tuple[Provider, ...]:
    """Return the providers for `cpu`, `cuda`, `tensorrt` or `auto`. Pure.

    `auto` takes CUDA where it can; TensorRT has to be asked for, because it builds an engine for
    minutes at its first start. `half` says that the graph is in float16, which TensorRT has to be
    told. Raises ValueError for a device that this ONNX Runtime lacks.
    """
    if device == "auto":
        device = "cuda" if gpu is not None and _CUDA in available else "cpu"
    wanted = _WANTED[device]
    if wanted[0] not in available or (gpu is None and device != "cpu"):
        raise ValueError(
            f"there is no {device} here; set DEVICE to auto or cpu, or install onnxruntime-gpu on "
            "a machine with a GPU"
        )
    return tuple(Provider(name, _options(name, gpu, half)) for name in wanted if name in available)


def _options(provider: str, gpu: GpuShare | None, half: bool) -> Mapping[str, str]:
    if provider == _CPU or gpu is None:
        return {}
    if provider == _CUDA:
        return {"gpu_mem_limit": str(gpu.memory_bytes)}
    return {
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": str(gpu.cache),
        "trt_timing_cache_enable": "1",
        "trt_timing_cache_path": str(gpu.cache),
        "trt_max_workspace_size": str(gpu.memory_bytes),
        "trt_fp16_enable": str(int(half)),
    }
