"""What there is of a GPU, as the driver's own command says."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from serving.runtime.engines.providers import GpuShare

_QUERY = ("--query-gpu=name,memory.total", "--format=csv,noheader,nounits", "--id=0")
_CACHE = Path("~/.cache/tiffin/engines")
_ANSWERS_WITHIN_S = 10


def gpu_share(memory_fraction: float, available: Sequence[str]) -> GpuShare | None:
    """Return this server's part of the first GPU; None where there is none to compute with."""
    if "CUDAExecutionProvider" not in available or shutil.which("nvidia-smi") is None:
        return None
    asked = subprocess.run(
        ["nvidia-smi", *_QUERY],
        capture_output=True,
        text=True,
        timeout=_ANSWERS_WITHIN_S,
        check=False,
    )
    return share_of(asked.stdout, memory_fraction, _CACHE.expanduser())


def share_of(said: str, memory_fraction: float, cache: Path) -> GpuShare | None:
    """Read the driver's line, `NVIDIA H100 80GB HBM3, 81559` (MiB); None for anything else."""
    name, _, mebibytes = said.strip().rpartition(", ")
    if not name or not mebibytes.isdigit():
        return None
    folder = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return GpuShare(int(int(mebibytes) * 2**20 * memory_fraction), cache / folder)
