from __future__ import annotations

import pytest
from prometheus_client import REGISTRY, generate_latest

from serving.runtime.engines.gpu import Gpu
from serving.runtime.engines.gpu_gauges import note_gpu, show
from tests.serving.runtime.engines.test_gpu import HAS_GPU, needs_gpu


def test_memory_and_utilization_are_shown_with_the_type() -> None:
    show(Gpu("NVIDIA H100", memory_bytes=800, used_bytes=200, utilization=0.25))
    shown = generate_latest(REGISTRY).decode()
    assert 'gpu_memory_used_bytes{gpu="NVIDIA H100"} 200.0' in shown
    assert 'gpu_memory_total_bytes{gpu="NVIDIA H100"} 800.0' in shown
    assert 'gpu_utilization{gpu="NVIDIA H100"} 0.25' in shown


@pytest.mark.skipif(HAS_GPU, reason="there is a GPU here")
def test_a_machine_without_a_driver_is_asked_nothing() -> None:
    note_gpu()
    assert 'gpu_utilization{gpu="' not in generate_latest(REGISTRY).decode().replace(
        'gpu_utilization{gpu="NVIDIA H100"}', ""
    )


@needs_gpu
def test_what_the_driver_says_is_shown() -> None:
    note_gpu()
    assert "gpu_memory_used_bytes{" in generate_latest(REGISTRY).decode()
