"""What a server's processes hold: memory, open files, threads. Only on Linux."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class Holdings:
    """All processes of a tree together."""

    memory_mb: float
    """What they wrote to and share with nobody. Any other measure moves when strangers that use the
    same libraries come and go."""
    files: int
    threads: int

    @classmethod
    def of(cls, pid: int) -> Holdings:
        """Look at a process and all below it; psutil.NoSuchProcess when it is gone."""
        root = psutil.Process(pid)
        parts = [cls._alone(process) for process in (root, *root.children(recursive=True))]
        found = [part for part in parts if part is not None]
        if not found:
            raise psutil.NoSuchProcess(pid)
        return cls(
            sum(part.memory_mb for part in found),
            sum(part.files for part in found),
            sum(part.threads for part in found),
        )

    @classmethod
    def _alone(cls, process: psutil.Process) -> Holdings | None:
        with contextlib.suppress(psutil.NoSuchProcess):
            return cls(_private_mb(process.pid), process.num_fds(), process.num_threads())
        return None


def _private_mb(pid: int) -> float:
    try:
        told = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        raise psutil.NoSuchProcess(pid) from None
    lines = (line.split() for line in told.splitlines())
    return next(int(line[1]) for line in lines if line[0] == "Private_Dirty:") / 1024
