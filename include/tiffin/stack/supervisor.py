"""Long-lived programs under supervisord: started again when they die, and after a restart.

A program is a file below `<home>/supervisor/programs/`. supervisord reads it at its start and
whenever `ensure_program` asks it to; `tiffin.stack.launch` is what it runs.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shlex
import sys
import time
import xmlrpc.client
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from http.client import HTTPException
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock

from tiffin.errors import UnavailableError
from tiffin.home import TiffinHome, write_atomically
from tiffin.stack.processes import PROGRAM_VARIABLE, STACK_VARIABLE

_BAD_NAME, _NOT_RUNNING, _ALREADY_STARTED, _ALREADY_ADDED = 10, 70, 60, 90
"""Faults of supervisord's XML-RPC that mean: it is so already."""

_SHUTTING_DOWN = 6


@dataclass(frozen=True)
class Program:
    """A command that should always run, and how it is stopped."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: Path | None = None
    """Where it works; None: a folder of its own."""
    stop_signal: str = "TERM"
    stop_seconds: int = 20
    autorestart: bool = True


class ProgramState(StrEnum):
    """What supervisord says of a program, in fewer words."""

    ABSENT = "absent"
    STARTING = "starting"
    RUNNING = "running"
    EXITED = "exited"
    STOPPED = "stopped"


_STATES = {
    "STARTING": ProgramState.STARTING,
    "RUNNING": ProgramState.RUNNING,
    "BACKOFF": ProgramState.EXITED,
    "EXITED": ProgramState.EXITED,
    "FATAL": ProgramState.EXITED,
    "UNKNOWN": ProgramState.EXITED,
    "STOPPING": ProgramState.STOPPED,
    "STOPPED": ProgramState.STOPPED,
}


@dataclass(frozen=True)
class ProgramStatus:
    """One look at a program. `launches` counts its starts since they were last forgiven."""

    name: str
    state: ProgramState
    pid: int = 0
    started_at: float = 0.0
    launches: int = 0
    log: Path = Path()


class Supervisor:
    """The programs of one home. Every method may be called twice and then changes nothing."""

    def __init__(self, home: TiffinHome) -> None:
        self._home = home

    @property
    def socket(self) -> Path:
        """Where supervisord listens."""
        return self._home.run_folder / "supervisor.sock"

    @property
    def programs_folder(self) -> Path:
        """Where supervisord finds its programs."""
        return self._home.folder("supervisor", "programs")

    def is_running(self) -> bool:
        """True when supervisord answers."""
        try:
            with self._rpc() as rpc:
                return bool(rpc.getState()["statename"] == "RUNNING")
        except UnavailableError:
            return False

    def ensure_program(self, program: Program) -> None:
        """Run the program as described: added, replaced when it changed, started when it stopped.

        Killed between the file and the call, the next call (or supervisord's next start) adds it.
        """
        with self._lock(), self._rpc() as rpc:
            self._write(program)
            self._reload(rpc, program.name)
            with _already(_ALREADY_STARTED):
                rpc.startProcess(program.name, False)

    def ensure_gone(self, name: str) -> None:
        """Stop the program and forget it; one that is not there is gone already."""
        with self._lock():
            for suffix in (".conf", ".json", ".launches"):
                (self.programs_folder / f"{name}{suffix}").unlink(missing_ok=True)
            with self._rpc() as rpc:
                self._remove(rpc, name)
                rpc.reloadConfig()

    def ensure_stopped(self, *names: str) -> None:
        """Stop programs together and wait for it; they stay known and start with supervisord."""
        with self._rpc() as rpc:
            for name in names:
                with _already(_NOT_RUNNING, _BAD_NAME):
                    rpc.stopProcess(name, False)
            for name in names:
                while self._info(rpc, name).get("statename") == "STOPPING":
                    time.sleep(0.1)

    def forgive(self, name: str) -> None:
        """Count the launches of a program from 0 again."""
        file = self._launches(name)
        if file.exists() and file.stat().st_size:
            write_atomically(file, "")

    def state(self, name: str) -> ProgramStatus:
        """Look at one program; ABSENT when supervisord doesn't know it."""
        with self._rpc() as rpc:
            return self._status(name, self._info(rpc, name))

    def programs(self) -> tuple[ProgramStatus, ...]:
        """Look at all programs, ordered by name."""
        with self._rpc() as rpc:
            infos = sorted(rpc.getAllProcessInfo(), key=lambda info: str(info["name"]))
        return tuple(self._status(str(info["name"]), info) for info in infos)

    def log(self, name: str) -> Path:
        """Return the file with what the program prints."""
        return self._home.folder("logs") / f"{name}.log"

    def shut_down(self, *, timeout_s: float = 30) -> None:
        """Tell supervisord to stop everything and exit, and wait for it."""
        with contextlib.suppress(UnavailableError, psutil.Error), self._rpc() as rpc:
            daemon = psutil.Process(rpc.getPID())
            rpc.shutdown()
            daemon.wait(timeout_s)

    def _write(self, program: Program) -> None:
        text = json.dumps(self._description(program), indent=1)
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        description = self.programs_folder / f"{program.name}.json"
        write_atomically(description, text, mode=0o600)
        section = program_section(program, description, digest, self.log(program.name))
        write_atomically(self.programs_folder / f"{program.name}.conf", section)

    def _description(self, program: Program) -> dict[str, Any]:
        home = str(self._home.path)
        own = self._home.folder("supervisor", "work", program.name)
        marks = {STACK_VARIABLE: home, PROGRAM_VARIABLE: program.name, "TIFFIN_HOME": home}
        return {
            **asdict(program),
            "directory": str(program.directory or own),
            "environment": {**program.environment, **marks},
        }

    def _reload(self, rpc: Any, name: str) -> None:
        _, changed, _ = rpc.reloadConfig()[0]
        if name in changed:
            self._remove(rpc, name)
        with _already(_ALREADY_ADDED):
            rpc.addProcessGroup(name)

    def _remove(self, rpc: Any, name: str) -> None:
        with _already(_NOT_RUNNING, _BAD_NAME):
            rpc.stopProcess(name, True)
        with _already(_BAD_NAME):
            rpc.removeProcessGroup(name)

    def _info(self, rpc: Any, name: str) -> Mapping[str, Any]:
        known: list[Mapping[str, Any]] = []
        with _already(_BAD_NAME):
            known.append(rpc.getProcessInfo(name))
        return known[0] if known else {}

    def _status(self, name: str, info: Mapping[str, Any]) -> ProgramStatus:
        if not info:
            return ProgramStatus(name, ProgramState.ABSENT)
        launches = self._launches(name)
        return ProgramStatus(
            name=name,
            state=_STATES[info["statename"]],
            pid=int(info["pid"]),
            started_at=float(info["start"]),
            launches=launches.stat().st_size if launches.exists() else 0,
            log=self.log(name),
        )

    def _not_running(self) -> UnavailableError:
        return UnavailableError(
            f"the stack in {self._home.path} is not running; run `tiffin up`",
            code="stack-not-running",
        )

    def _launches(self, name: str) -> Path:
        return self.programs_folder / f"{name}.launches"

    def _lock(self) -> FileLock:
        return FileLock(self._home.folder("supervisor") / "programs.lock", timeout=60)

    @contextlib.contextmanager
    def _rpc(self) -> Iterator[Any]:
        from supervisor.xmlrpc import SupervisorTransport

        transport = SupervisorTransport(None, None, f"unix://{self.socket}")
        try:
            yield xmlrpc.client.ServerProxy("http://localhost", transport).supervisor
        except xmlrpc.client.Fault as fault:
            if fault.faultCode != _SHUTTING_DOWN:
                raise
            raise self._not_running() from fault
        except (OSError, HTTPException, xmlrpc.client.ProtocolError) as error:
            raise self._not_running() from error
        finally:
            transport.close()


def program_section(program: Program, description: Path, digest: str, log: Path) -> str:
    """Return supervisord's description of a program.

    The digest is an argument that nothing reads: it makes supervisord see every change.
    """
    launcher = (sys.executable, "-P", "-W", "ignore", "-m", "tiffin.stack.launch")
    command = shlex.join([*launcher, str(description), digest])
    options = {
        "command": _escape(command),
        "directory": "/",
        "autostart": "true",
        "autorestart": "true" if program.autorestart else "false",
        "startsecs": "5",
        "startretries": "1000000",
        "stopsignal": program.stop_signal,
        "stopwaitsecs": str(program.stop_seconds),
        "stopasgroup": "false" if program.stop_signal == "INT" else "true",
        "killasgroup": "true",
        "redirect_stderr": "true",
        "stdout_logfile": _escape(_escape(str(log))),  # supervisord expands this one twice
        "stdout_logfile_maxbytes": "10MB",
        "stdout_logfile_backups": "3",
    }
    lines = [f"{key} = {value}" for key, value in options.items()]
    return "\n".join([f"[program:{program.name}]", *lines, ""])


def _escape(text: str) -> str:
    return text.replace("%", "%%")


@contextlib.contextmanager
def _already(*faults: int) -> Iterator[None]:
    """Let the faults pass that say the wanted state is there already."""
    try:
        yield
    except xmlrpc.client.Fault as fault:
        if fault.faultCode not in faults:
            raise
