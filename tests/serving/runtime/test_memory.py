from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from tiffin.home import PROJECT

PROGRAM = """
    import gc, time
    import psutil
    from serving.runtime.memory import give_back_when_gone, settle

    class Model:
        pass

    def memory():
        return psutil.Process().memory_info().rss / 2**20

    model = Model()
    model.estimator = Model()
    model.estimator.itself = model.estimator if IN_A_CIRCLE else None
    blocks = [bytes(2000) for _ in range(100_000)]
    keepers = blocks[::100]  # between the parts, so that the heap can't just shrink
    del blocks[::100]
    model.estimator.parts = blocks
    del blocks
    give_back_when_gone(model)
    settle()
    full = memory()
    gc.disable()
    del model
    patience = time.monotonic() + 20
    while memory() > full - 60 and time.monotonic() < patience:
        time.sleep(0.05)
    print(full - memory(), len(keepers))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc has to be told")
@pytest.mark.parametrize("in_a_circle", [False, True])
def test_the_memory_of_what_is_gone_goes_back_to_the_machine(in_a_circle: bool) -> None:
    program = textwrap.dedent(PROGRAM).replace("IN_A_CIRCLE", str(in_a_circle))
    said = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, check=True, capture_output=True, text=True
    ).stdout
    assert float(said.split()[0]) > 60
