from __future__ import annotations

import os
import subprocess
import sys

import psutil
import pytest

from serving.loadtest.process_tree import Holdings


def test_counts_what_children_hold_too(tmp_path):
    alone = Holdings.of(os.getpid())
    hold = (
        "import sys; f = [open(sys.argv[1], 'w') for _ in range(50)]; print(1, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(tmp_path / "file")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        together = Holdings.of(os.getpid())
        child.communicate(b"\n")
    assert together.files >= alone.files + 50
    assert together.threads >= alone.threads + 1
    assert together.memory_mb > alone.memory_mb


def test_says_that_a_process_is_gone():
    child = subprocess.Popen(["true"])
    child.wait()
    with pytest.raises(psutil.NoSuchProcess):
        Holdings.of(child.pid)
