from __future__ import annotations

from pathlib import Path

import pytest

from serving.runtime.engines.gpu import gpu_share, share_of


def test_a_share_of_the_memory_and_a_folder_for_the_type() -> None:
    share = share_of("NVIDIA H100 80GB HBM3, 81559\n", 0.5, Path("/cache"))
    assert share is not None
    assert share.memory_bytes == 81559 * 2**20 // 2
    assert share.cache == Path("/cache/nvidia-h100-80gb-hbm3")


@pytest.mark.parametrize("said", ["", "No devices were found", "NVIDIA, [N/A]"])
def test_a_driver_without_a_gpu_has_no_share(said: str) -> None:
    assert share_of(said, 0.5, Path("/cache")) is None


def test_nothing_is_asked_where_nothing_could_compute_on_it() -> None:
    assert gpu_share(0.9, ["CPUExecutionProvider"]) is None
