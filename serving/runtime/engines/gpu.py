"""What there is of a GPU, as NVIDIA's driver says: its type, its memory, how busy it is.

Asked through NVML (`nvidia-ml-py`, which BentoML brings along). A machine without a driver
has no GPU, and no call here takes longer than finding that out.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.runtime.engines.providers import GpuShare

CACHE = Path("~/.cache/tiffin/engines")
"""Where the engines that TensorRT builds are kept unless the settings name another folder."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """What the driver says of the GPU that this process computes on."""

    name: str
    memory_bytes: int
    used_bytes: int
    """By all processes."""
    utilization: float
    """The share of the last moments in which it computed anything."""


def read_gpu(environment: Mapping[str, str] = os.environ) -> Gpu | None:
    """Ask the driver; None where there is no GPU. Takes a millisecond or so."""
    import pynvml  # type: ignore[import-untyped]

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    try:
        return _described(pynvml, _device(pynvml, first_visible(environment)))
    except pynvml.NVMLError:  # a driver without a GPU, or one that is hidden from us
        return None
    finally:
        pynvml.nvmlShutdown()


def first_visible(environment: Mapping[str, str]) -> str:
    """Return the number or the id of the GPU that CUDA calls the first one."""
    return environment.get("CUDA_VISIBLE_DEVICES", "").partition(",")[0].strip() or "0"


def _device(nvml: Any, visible: str) -> Any:
    if visible.isdigit():
        return nvml.nvmlDeviceGetHandleByIndex(int(visible))
    return nvml.nvmlDeviceGetHandleByUUID(visible)


def _described(nvml: Any, device: Any) -> Gpu:
    memory = nvml.nvmlDeviceGetMemoryInfo(device)
    return Gpu(
        name=str(nvml.nvmlDeviceGetName(device)),
        memory_bytes=int(memory.total),
        used_bytes=int(memory.used),
        utilization=nvml.nvmlDeviceGetUtilizationRates(device).gpu / 100,
    )


def gpu_share(
    available: Sequence[str], memory_fraction: float, graph: Path, cache: Path | None
) -> GpuShare | None:
    """Return this server's part of the GPU, for the model in `graph`.

    None where there is no GPU, or no ONNX Runtime that computes on one. `cache` is the folder
    with all engines.
    """
    gpu = read_gpu() if "CUDAExecutionProvider" in available else None
    if gpu is None:
        return None
    folder = (cache or CACHE).expanduser() / engines_of(gpu.name, graph.read_bytes())
    return GpuShare(int(gpu.memory_bytes * memory_fraction), folder)


def engines_of(gpu: str, graph: bytes) -> Path:
    """Return where a model's engines for one type of GPU are: `nvidia-h100/<digest>`.

    An engine runs on the type that it was built for, and computes one model.
    """
    kind = re.sub(r"[^a-z0-9]+", "-", gpu.lower()).strip("-")
    return Path(kind) / hashlib.sha256(graph).hexdigest()[:16]
