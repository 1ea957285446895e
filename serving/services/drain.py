"""How a model server stops without losing a request.

On SIGTERM it says that it isn't ready, and goes on answering for a while: routers look once a
second, and until they have looked they send. Each answer ends its connection, so clients come
back elsewhere. Then it takes no new connections, finishes what it has begun, and uvicorn ends it.

BentoML's arbiter holds the listening socket open until all workers are gone, so a connection
made after uvicorn has closed its own copy would wait and then be cut off. So the last worker to
stop shuts the socket itself down: whoever comes then is refused at once and can go elsewhere.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import signal
import socket
from pathlib import Path
from typing import IO, Any

_log = logging.getLogger(__name__)


class Drain:
    """Tells whether this process is stopping; belongs to one event loop."""

    def __init__(self, seconds: float) -> None:
        self.is_draining = False
        self._seconds = seconds
        self._server: Any = None
        self._workers = _Workers()

    def install(self, server: Any) -> None:
        """Take SIGTERM over from a uvicorn server; a second one changes nothing.

        SIGINT stays uvicorn's: whoever presses Ctrl-C does not want to wait.
        """
        self._server = server
        self._workers.enter()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.begin)

    def begin(self) -> None:
        """Say that the server isn't ready any more, and stop after the grace period."""
        if self.is_draining:
            return
        self.is_draining = True
        grace_s = self._seconds if self._server.started else 0.0
        _log.info("stopping: not ready from now on, no new connections in %g s", grace_s)
        asyncio.get_running_loop().call_later(grace_s, self._stop)

    def _stop(self) -> None:
        is_last = self._workers.leave()
        for listening in getattr(self._server, "servers", []):
            _end(listening, self._server, for_all=is_last)
        self._server.handle_exit(signal.SIGTERM, None)


def _end(listening: Any, server: Any, *, for_all: bool) -> None:
    """Close a listening socket; `for_all` also for the other processes that hold it open."""
    copies = [socket.socket(fileno=os.dup(each.fileno())) for each in listening.sockets]
    listening.close()
    for copy in copies:
        with copy:
            if for_all:
                _accept_waiting(copy, server)
                copy.shutdown(socket.SHUT_RDWR)


def _accept_waiting(listener: socket.socket, server: Any) -> None:
    """Take in whoever has connected already: the shutdown would cut them off."""
    loop = asyncio.get_running_loop()
    listener.setblocking(False)
    while True:
        try:
            connection, _ = listener.accept()
        except BlockingIOError:
            return
        taking_in = loop.create_task(_take_in(loop, connection, server))
        server.server_state.tasks.add(taking_in)
        taking_in.add_done_callback(server.server_state.tasks.discard)


async def _take_in(loop: asyncio.AbstractEventLoop, connection: socket.socket, server: Any) -> None:
    def protocol() -> asyncio.Protocol:
        made: asyncio.Protocol = server.config.http_protocol_class(
            config=server.config,
            server_state=server.server_state,
            app_state=server.lifespan.state,
            _loop=loop,
        )
        return made

    await loop.connect_accepted_socket(protocol, connection, ssl=server.config.ssl)


class _Workers:
    """Which of the worker processes of one server is the last to stop.

    Each holds a shared lock on a file of theirs; who gets it for itself is the last. The kernel
    lets go of the lock of a process that was killed.
    """

    def __init__(self) -> None:
        self._lock: IO[bytes] | None = None

    def enter(self) -> None:
        """Count this process, if BentoML's arbiter has named a folder for its workers."""
        folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
        if folder and Path(folder).is_dir():
            self._lock = (Path(folder) / "workers.lock").open("ab")
            fcntl.flock(self._lock, fcntl.LOCK_SH)

    def leave(self) -> bool:
        """Return True when no other worker is left."""
        if self._lock is None:
            return True
        with self._lock as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        return True
