"""Runs somebody's model in a process of its own, which may hang, die or eat memory and hurt nobody.

It gets no part of Tiffin's environment, which holds secrets, and one thread per library. All its
children end with it, and it ends with the process that wanted it.

    ConfinedProcessError
    ├── TooSlowError
    ├── TooLargeError
    └── DiedError
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tiffin.lifeline import tied
from tiffin.services.spec import Service

_SPARE_MIB = 1024  # all rows at once take more than the requests that `resources` is meant for
_LOOK_S = 0.05
_LONGEST_LINE = 300


@dataclass(frozen=True, slots=True)
class Limits:
    """What the process may take."""

    seconds: float
    memory_mib: int

    @classmethod
    def of(cls, service: Service) -> Limits:
        """Return two minutes, and the service's memory with room for all rows at once."""
        return cls(seconds=120, memory_mib=service.resources.memory_mib + _SPARE_MIB)


class ConfinedProcessError(RuntimeError):
    """The process did not come to its end; the message is a few words on how it went."""


class TooSlowError(ConfinedProcessError):
    """It took longer than its limit."""


class TooLargeError(ConfinedProcessError):
    """It took more memory than its limit."""


class DiedError(ConfinedProcessError):
    """It was killed or exited with an error; the message is its last line."""


def run_confined(command: Sequence[str], limits: Limits) -> None:
    """Run a command to its end; ConfinedProcessError when it exceeds a limit or fails."""
    with tempfile.TemporaryDirectory() as scratch, tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            tied(command),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            cwd=scratch,
            env=_environment(scratch),
            start_new_session=True,
        )
        try:
            ended = _ended_within(process, limits)
        finally:
            _kill(process)
        said.seek(max(0, said.tell() - 4000))
        _check_end(ended, said.read().decode(errors="replace"))


def _environment(scratch: str) -> dict[str, str]:
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return {"PATH": os.defpath, "HOME": scratch, "TMPDIR": scratch, "LANG": "C.UTF-8", **threads}


def _ended_within(process: subprocess.Popen[bytes], limits: Limits) -> int:
    deadline = time.monotonic() + limits.seconds
    while time.monotonic() < deadline:
        try:
            return process.wait(_LOOK_S)
        except subprocess.TimeoutExpired:
            if _memory_mib(process.pid) > limits.memory_mib:
                raise TooLargeError(f"it took more than {limits.memory_mib} MiB") from None
    raise TooSlowError(f"it took longer than {limits.seconds:g} seconds")


def _memory_mib(pid: int) -> float:
    import psutil

    try:
        return float(psutil.Process(pid).memory_info().rss) / (1 << 20)
    except psutil.Error:
        return 0.0  # it has just ended


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):  # it has ended, with all its children
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _check_end(ended: int, said: str) -> None:
    if ended == 0:
        return
    if ended < 0:
        raise DiedError(f"killed by {signal.Signals(-ended).name}")
    lines = [line for line in said.splitlines() if line.strip()]
    raise DiedError(lines[-1][:_LONGEST_LINE] if lines else f"exit {ended}, without a word")
