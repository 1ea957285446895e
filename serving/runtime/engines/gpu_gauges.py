"""The GPU's memory and how busy it is, as metrics; read when somebody reads the metrics."""

from __future__ import annotations

import shutil
from functools import cache
from typing import TYPE_CHECKING

from serving.runtime.engines.gpu import Gpu, read_gpu

if TYPE_CHECKING:
    from prometheus_client import Gauge


def note_gpu() -> None:
    """Write down how the GPU is doing; does nothing where there is no driver."""
    if _has_driver():
        gpu = read_gpu()
        if gpu is not None:
            show(gpu)


def show(gpu: Gpu) -> None:
    """Set the gauges, all with the GPU's type."""
    for gauge, value in zip(
        _gauges(), (gpu.used_bytes, gpu.memory_bytes, gpu.utilization), strict=True
    ):
        gauge.labels(gpu.name).set(value)


@cache
def _has_driver() -> bool:
    return shutil.which("nvidia-smi") is not None


@cache
def _gauges() -> tuple[Gauge, Gauge, Gauge]:
    # Made late, for the reason that serving.runtime.metrics has.
    from prometheus_client import Gauge

    def gauge(name: str, words: str) -> Gauge:
        # All workers compute on the same GPU, so the last one who looked is right for all.
        return Gauge(name, words, ("gpu",), multiprocess_mode="mostrecent")

    return (
        gauge("gpu_memory_used_bytes", "The GPU's memory that is taken, by all processes"),
        gauge("gpu_memory_total_bytes", "The GPU's memory"),
        gauge("gpu_utilization", "The share of the last moments in which the GPU computed"),
    )
