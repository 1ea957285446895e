"""supervisord itself: started detached, so that it outlives the command, and ended exactly."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
import time
from pathlib import Path

from tiffin.errors import UnavailableError
from tiffin.home import TiffinHome, write_atomically
from tiffin.stack.processes import STACK_VARIABLE, end, stack_processes
from tiffin.stack.supervisor import Supervisor

_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def base_environment(home: TiffinHome) -> dict[str, str]:
    """Return the environment that every program starts from.

    Nothing of the caller's is in it: else `tiffin up` from another shell would see other programs
    and start everything anew.
    """
    return {
        "PATH": f"{Path(sys.executable).parent}:{_SYSTEM_PATH}",
        "HOME": pwd.getpwuid(os.getuid()).pw_dir if _has_a_name() else str(home.path),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        STACK_VARIABLE: str(home.path),
    }


def _has_a_name() -> bool:
    return any(entry.pw_uid == os.getuid() for entry in pwd.getpwall())


def ensure_supervisord(home: TiffinHome) -> bool:
    """Start supervisord unless it answers; return True when it was started here.

    What a killed supervisord left behind is ended first: nobody would restart it.
    """
    supervisor = Supervisor(home)
    if supervisor.is_running():
        return False
    end_leftovers(home, grace_s=5)
    configuration = home.folder("supervisor") / "supervisord.conf"
    write_atomically(configuration, supervisord_configuration(home))
    _start(home, configuration)
    _wait_until_it_answers(supervisor, home)
    return True


def end_supervisord(home: TiffinHome) -> None:
    """Stop supervisord and every process of the stack, gently at first, then surely."""
    Supervisor(home).shut_down()
    end_leftovers(home, grace_s=3)


def end_leftovers(home: TiffinHome, *, grace_s: float) -> None:
    """End all processes of the stack, and remove the sockets and pid files they left."""
    while end(stack_processes(home.path), grace_s=grace_s):
        grace_s = 0
    for stale in (home.run_folder / "supervisor.sock", home.run_folder / "supervisord.pid"):
        stale.unlink(missing_ok=True)
    (home.path / "postgres" / "data" / "postmaster.pid").unlink(missing_ok=True)


def supervisord_configuration(home: TiffinHome) -> str:
    """Return supervisord's own configuration: a private socket, rotated logs, no TCP."""
    run = str(home.run_folder).replace("%", "%%")
    log = str(home.folder("logs") / "supervisord.log").replace("%", "%%")
    return f"""[unix_http_server]
file = {run}/supervisor.sock
chmod = 0700

[supervisord]
pidfile = {run}/supervisord.pid
logfile = {log}
logfile_maxbytes = 10MB
logfile_backups = 3
silent = true
minfds = 1024

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[include]
files = programs/*.conf
"""


def _start(home: TiffinHome, configuration: Path) -> None:
    subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "supervisor.supervisord", "-c", str(configuration)],
        cwd=home.folder("supervisor", "work"),
        env=base_environment(home),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )


def _wait_until_it_answers(supervisor: Supervisor, home: TiffinHome) -> None:
    deadline = time.monotonic() + 20
    while not supervisor.is_running():
        if time.monotonic() > deadline:
            raise UnavailableError(
                f"supervisord did not start; see {home.path / 'logs' / 'supervisord.log'}",
                code="stack-not-running",
            )
        time.sleep(0.05)
