from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.validation.conftest import make_service
from tiffin.confined_process import DiedError, Limits, TooLargeError, TooSlowError, run_confined

ROOMY = Limits(seconds=60, memory_mib=2048)


def program(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def test_a_program_runs_to_its_end(tmp_path: Path) -> None:
    run_confined(program(f"open({str(tmp_path / 'out')!r}, 'w').write('done')"), ROOMY)
    assert (tmp_path / "out").read_text() == "done"


def test_it_gets_none_of_our_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIFFIN_SECRET", "hush")
    out = tmp_path / "out.json"
    run_confined(
        program(f"import json, os; json.dump(dict(os.environ), open({str(out)!r}, 'w'))"), ROOMY
    )
    assert set(json.loads(out.read_text())) - {"LC_CTYPE"} == {
        "PATH",
        "HOME",
        "TMPDIR",
        "LANG",
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
    }


def test_one_that_takes_too_long_is_ended() -> None:
    with pytest.raises(TooSlowError, match=r"longer than 0\.2 seconds"):
        run_confined(program("import time; time.sleep(60)"), Limits(0.2, 2048))


def test_one_that_takes_too_much_memory_is_ended() -> None:
    text = "import time; held = bytearray(200 << 20); time.sleep(60)"
    with pytest.raises(TooLargeError, match="more than 100 MiB"):
        run_confined(program(text), Limits(60, 100))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import sys; sys.exit('no such model')", "no such model"),
        ("import os; os._exit(3)", "exit 3, without a word"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "killed by SIGSEGV"),
    ],
)
def test_one_that_dies_says_how(text: str, said: str) -> None:
    with pytest.raises(DiedError) as died:
        run_confined(program(text), ROOMY)
    assert str(died.value) == said


def test_its_children_end_with_it(tmp_path: Path) -> None:
    file = tmp_path / "child"
    run_confined(
        program(
            "import subprocess, sys; child = subprocess.Popen(['sleep', '60']);"
            f"open({str(file)!r}, 'w').write(str(child.pid))"
        ),
        ROOMY,
    )
    child = int(file.read_text())
    _wait(lambda: not _is_running(child))


def _is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_it_ends_with_the_process_that_wanted_it(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    lasting = f"import os, time; open({str(file)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    wants_it = (
        "import sys; from tiffin.confined_process import Limits, run_confined;"
        f"run_confined([sys.executable, '-c', {lasting!r}], Limits(60, 2048))"
    )
    parent = subprocess.Popen([sys.executable, "-c", wants_it])
    _wait(lambda: file.is_file() and file.read_text() != "")
    parent.kill()
    parent.wait()
    _wait(lambda: not _is_running(int(file.read_text())))


def _wait(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds() and time.monotonic() < deadline:
        os.sched_yield()
    assert holds()


def test_the_limits_follow_from_the_service() -> None:
    service = make_service()
    assert Limits.of(service).memory_mib == service.resources.memory_mib + 1024
