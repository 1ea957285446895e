"""Which processes belong to a stack, and how they are ended.

A process belongs to the stack of a home when its environment says so (TIFFIN_STACK), or when it
works in one of the stack's own folders: Airflow's tasks and PostgreSQL overwrite their
environment. Nobody else has a reason to work in those folders.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil

STACK_VARIABLE = "TIFFIN_STACK"
PROGRAM_VARIABLE = "TIFFIN_PROGRAM"


def stack_processes(home: Path) -> list[psutil.Process]:
    """Return all processes of the stack of a home, without the caller and its ancestors."""
    folders = (home / "supervisor" / "work", home / "postgres" / "data")
    return [
        process
        for process in _others()
        if _works_in(process, folders) or _variable(process, STACK_VARIABLE) == str(home)
    ]


def program_processes(home: Path, program: str) -> list[psutil.Process]:
    """Return the processes of one program of the stack, whoever their parent is by now."""
    folder = (home / "supervisor" / "work" / program,)
    return [
        process
        for process in _others()
        if _works_in(process, folder)
        or (
            _variable(process, PROGRAM_VARIABLE) == program
            and _variable(process, STACK_VARIABLE) == str(home)
        )
    ]


def end(processes: Iterable[psutil.Process], *, grace_s: float) -> int:
    """Ask processes to stop, kill what is left after the grace; return how many there were.

    A process that is gone already is no error, so this may run twice.
    """
    mine = list(processes)
    if grace_s > 0:
        _signal(mine, kill=False)
        _, left = psutil.wait_procs(mine, timeout=grace_s)
    else:
        left = mine
    _signal(left, kill=True)
    psutil.wait_procs(left, timeout=10)
    return len(mine)


def _signal(processes: Iterable[psutil.Process], *, kill: bool) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            process.kill() if kill else process.terminate()


def _others() -> Iterator[psutil.Process]:
    family = {os.getpid()}
    with contextlib.suppress(psutil.NoSuchProcess):
        family.update(parent.pid for parent in psutil.Process().parents())
    for process in psutil.process_iter():
        if process.pid not in family:
            yield process


def _works_in(process: psutil.Process, folders: Iterable[Path]) -> bool:
    try:
        here = Path(process.cwd())
    except (psutil.Error, OSError):
        return False
    return any(here == folder or folder in here.parents for folder in folders)


def _variable(process: psutil.Process, name: str) -> str | None:
    try:
        return process.environ().get(name)
    except (psutil.Error, OSError):
        return None
