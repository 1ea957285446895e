"""Who listens on the ports of this machine."""

from __future__ import annotations

import socket
from collections.abc import Mapping

import psutil

SOMEBODY: frozenset[int | None] = frozenset({None})
"""The holder of a taken port whom the system does not show to us."""


def is_free(port: int) -> bool:
    """True when nothing listens on a loopback port, not even one who would share it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def listeners() -> Mapping[int, frozenset[int | None]]:
    """Return the processes that listen on each port, all of them where several share it.

    None stands for a process of somebody else, whose number is not shown to us.
    """
    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:  # macOS shows other processes' sockets to root only
        return {}
    holders: dict[int, frozenset[int | None]] = {}
    for connection in connections:
        if connection.status == psutil.CONN_LISTEN and connection.laddr:
            port = connection.laddr[1]
            holders[port] = holders.get(port, frozenset()) | {connection.pid}
    return holders


def describe(pid: int | None) -> str:
    """Name a process for a person."""
    if pid is None:
        return "another user's process"
    try:
        return f"process {pid} ({psutil.Process(pid).name()})"
    except psutil.NoSuchProcess:
        return f"process {pid}"
