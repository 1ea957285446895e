"""What is checked before anything starts, each refusal one sentence: folder, disk, ports."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Mapping
from pathlib import Path

import psutil

from tiffin.errors import RefusedError
from tiffin.home import TiffinHome
from tiffin.stack.processes import stack_processes

NEEDED_BYTES = 1_000_000_000
LISTENING = ("airflow", "mlflow", "gateway-admin")
"""The ports that the stack itself listens on."""


def check_folder(home: Path) -> None:
    """Refuse a home that can't be made or written."""
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RefusedError(
            f"can't make the folder {home} ({error.strerror}); set TIFFIN_HOME to one of yours",
            code="folder-not-writable",
        ) from error
    if not os.access(home, os.W_OK | os.X_OK):
        raise RefusedError(
            f"can't write to {home}; make it yours, or set TIFFIN_HOME to a folder that is",
            code="folder-not-writable",
        )


def check_disk(home: Path, needed: int = NEEDED_BYTES) -> None:
    """Refuse to start on a disk that is nearly full."""
    free = shutil.disk_usage(home).free
    if free < needed:
        raise RefusedError(
            f"only {free // 1_000_000} MB are free on the disk of {home} and the stack needs"
            f" {needed // 1_000_000}; free some space, or set TIFFIN_HOME to another disk",
            code="disk-full",
        )


def check_ports(home: TiffinHome) -> None:
    """Refuse when a port of the stack is held by somebody who isn't part of it."""
    taken = [name for name in LISTENING if not is_free(home.port(name))]
    if not taken:
        return
    ours = {process.pid for process in stack_processes(home.path)}
    holders = _listeners()
    for name in taken:
        if holders.get(home.port(name)) not in ours:
            raise port_taken(name, home.port(name), holders.get(home.port(name)))


def is_free(port: int) -> bool:
    """True when nothing listens on a loopback port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def port_taken(name: str, port: int, holder: int | None) -> RefusedError:
    """Return the refusal that names the port, who holds it and the setting that moves it."""
    variable = f"TIFFIN_PORT_{name.upper().replace('-', '_')}"
    return RefusedError(
        f"port {port} ({name}) is held by {_describe(holder)}; stop it, or set {variable} or"
        " TIFFIN_PORT_OFFSET before the first `tiffin up` (later: edit settings.json)",
        code="port-taken",
    )


def _describe(pid: int | None) -> str:
    if pid is None:
        return "another user's process"
    try:
        return f"process {pid} ({psutil.Process(pid).name()})"
    except psutil.NoSuchProcess:
        return f"process {pid}"


def _listeners() -> Mapping[int, int | None]:
    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:  # macOS shows other processes' sockets to root only
        return {}
    return {
        connection.laddr[1]: connection.pid
        for connection in connections
        if connection.status == psutil.CONN_LISTEN and connection.laddr
    }
