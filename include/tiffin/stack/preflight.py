"""What is checked before anything starts, each refusal one sentence: folder, disk, ports."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from tiffin.errors import RefusedError
from tiffin.home import ENVOYS, TiffinHome
from tiffin.ports import SOMEBODY, describe, is_free, listeners
from tiffin.stack.processes import stack_processes
from tiffin.traffic.gateway_files import stored_splits
from tiffin.traffic.route_store import RouteStore
from tiffin.traffic.service_ports import service_port_taken

NEEDED_BYTES = 1_000_000_000
LISTENING = ("airflow", "mlflow", *ENVOYS.values())
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
    """Refuse when a port of the stack or of a service is held by somebody who isn't part of it.

    The services' ports, too: Envoy would share one with a stranger without a word.
    """
    parts = {home.port(name): name for name in LISTENING}
    if len(parts) < len(LISTENING):
        raise RefusedError(
            f"two of {', '.join(LISTENING)} have the same port; set TIFFIN_PORT_... to different "
            "ones before the first `tiffin up` (later: edit settings.json)",
            code="bad-setting",
        )
    services = {
        split.port: split.service for split in stored_splits(RouteStore(home.folder("gateway")))
    }
    for port, holder in _strangers(home, [*parts, *services]).items():
        if port in parts:
            raise port_taken(parts[port], port, holder)
        raise service_port_taken(services[port], port, holder)


def _strangers(home: TiffinHome, ports: Iterable[int]) -> dict[int, int | None]:
    """Return which of the ports somebody else listens on, and one process that does."""
    taken = [port for port in ports if not is_free(port)]
    if not taken:
        return {}
    ours = {process.pid for process in stack_processes(home.path)}
    holders = listeners()
    found = {port: holders.get(port, SOMEBODY) - ours for port in taken}
    return {port: next(iter(others)) for port, others in found.items() if others}


def port_taken(name: str, port: int, holder: int | None) -> RefusedError:
    """Return the refusal that names the port, who holds it and the setting that moves it."""
    variable = f"TIFFIN_PORT_{name.upper().replace('-', '_')}"
    return RefusedError(
        f"port {port} ({name}) is held by {describe(holder)}; stop it, or set {variable} or"
        " TIFFIN_PORT_OFFSET before the first `tiffin up` (later: edit settings.json)",
        code="port-taken",
    )
