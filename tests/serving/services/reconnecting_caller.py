"""Callers who ask one after the other, and do what HTTP says when a connection ends."""

from __future__ import annotations

import socket
import threading
from collections import Counter

ANSWERED, REFUSED, LOST = "answered", "refused", "lost"


class ReconnectingCallers:
    """Several at once, until the server takes no more connections."""

    def __init__(self, port: int, request: bytes, callers: int) -> None:
        self.outcomes: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self._port = port
        self._request = request
        self._threads = [threading.Thread(target=self._call) for _ in range(callers)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def wait(self, seconds: float) -> None:
        for thread in self._threads:
            thread.join(seconds)
            assert not thread.is_alive(), "a caller hangs"

    def _call(self) -> None:
        connection: socket.socket | None = None
        while True:
            if connection is None:
                try:
                    connection = socket.create_connection(("127.0.0.1", self._port), timeout=30)
                except ConnectionRefusedError:
                    self.outcomes[REFUSED] += 1
                    return
            try:
                goes_on = self._ask(connection)
            except OSError:
                self.outcomes[LOST] += 1
                goes_on = False
            if not goes_on:
                connection.close()
                connection = None

    def _ask(self, connection: socket.socket) -> bool:
        """Ask once; False when the answer says that it was this connection's last."""
        connection.sendall(self._request)
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._more(connection)
        head, _, body = data.partition(b"\r\n\r\n")
        fields = head.lower() + b"\r\n"
        length = int(fields.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        while len(body) < length:
            body += self._more(connection)
        self.outcomes[ANSWERED] += 1
        self.statuses[int(head.split()[1])] += 1
        return b"connection: close" not in fields

    def _more(self, connection: socket.socket) -> bytes:
        data = connection.recv(65536)
        if not data:
            raise ConnectionResetError
        return data
