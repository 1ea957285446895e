"""Ties a child process to the one that starts it: it ends with it, even when that one is killed.

Otherwise the child of a killed task would go on writing beside the task's second try.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

_TIE = """
import ctypes, os, sys
PR_SET_PDEATHSIG, SIGKILL = 1, 9
ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGKILL)
if os.getppid() == int(sys.argv[1]):
    os.execvp(sys.argv[2], sys.argv[2:])
"""


def tied(command: Sequence[str]) -> list[str]:
    """Return the command that runs `command` for as long as this process's current thread lives.

    The kernel keeps the tie (prctl(2), PR_SET_PDEATHSIG), so it's Linux's alone; elsewhere the
    command is returned as it is. Children of the command are not tied.
    """
    if sys.platform != "linux":
        return list(command)
    return [sys.executable, "-I", "-S", "-c", _TIE, str(os.getpid()), *command]
