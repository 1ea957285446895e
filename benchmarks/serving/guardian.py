"""Runs one command and leaves nothing of it behind, however it forks, detaches or hangs.

    python -m benchmarks.serving.guardian COMMAND [ARGUMENT ...]

Processes whose parent dies become the guardian's, so its tree is all that the command started.
It kills that tree when it is told to stop, when the benchmark dies, and when the command ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from types import FrameType

import psutil

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_TRACKERS_MAY_TAKE_S = 2.0


def main() -> int:
    """Run the command until it ends or a signal comes."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGTERM, _leave)
    try:
        command = subprocess.Popen(sys.argv[1:], start_new_session=True)
        return _reap_until_ended(command)
    finally:
        _kill_tree()


def _leave(signum: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + signum)


def _reap_until_ended(command: subprocess.Popen[bytes]) -> int:
    """Wait for whatever ends, so that nothing stays a zombie and its CPU time is counted here."""
    while True:
        pid, status = os.wait()
        if pid == command.pid:
            return os.waitstatus_to_exitcode(status)


def _kill_tree() -> None:
    """Kill until nothing is left; what is stopped by a signal dies of this one all the same.

    Python's resource trackers come last: when all others are gone they end by themselves, and
    remove the semaphores that those left in /dev/shm.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    began = time.monotonic()
    while children := psutil.Process().children(recursive=True):
        for child in children:
            with contextlib.suppress(psutil.NoSuchProcess):
                if time.monotonic() - began > _TRACKERS_MAY_TAKE_S or not _is_tracker(child):
                    child.kill()
                else:
                    child.send_signal(signal.SIGCONT)
        _reap_dead()
        time.sleep(0.01)


def _is_tracker(process: psutil.Process) -> bool:
    return any("resource_tracker" in word for word in process.cmdline())


def _reap_dead() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


if __name__ == "__main__":
    sys.exit(main())
