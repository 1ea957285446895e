"""A tiny real HTTP server to route to: `python upstream.py PORT NAME`; GET /become/MODE changes it.

Modes: ok; error (500 to everything but the probe); sick (500, and the probe fails too); hang (never
answers); cut (promises more bytes than it sends); slow (answers after a second); sometimes (500 to
every tenth request).
"""

from __future__ import annotations

import asyncio
import sys

MODES = ("ok", "error", "sick", "hang", "cut", "slow", "sometimes")


class State:
    mode = "ok"
    answered = 0


class Connection(asyncio.Protocol):
    state: State
    name: str

    def connection_made(self, transport):
        self.transport = transport
        self.received = b""

    def data_received(self, data):
        self.received += data
        while (end := self.received.find(b"\r\n\r\n")) >= 0:
            head = self.received[:end].lower()
            length = 0
            if (at := head.find(b"content-length:")) >= 0:
                length = int(head[at + 15 :].split(b"\r\n", 1)[0])
            if len(self.received) < end + 4 + length:
                return
            body = self.received[end + 4 : end + 4 + length]
            self.received = self.received[end + 4 + length :]
            self.answer(head.split(b" ", 2)[1].decode(), body)

    def answer(self, path, body):
        state = self.state
        if path.startswith("/become/"):
            state.mode = path.removeprefix("/become/")
            self.send(200, b"{}")
        elif path == "/readyz":
            self.send(503 if state.mode == "sick" else 200, b"{}")
        elif path.startswith("/bytes/"):
            self.send(200, b"x" * int(path.removeprefix("/bytes/")))
        else:
            self.predict()

    def predict(self):
        state = self.state
        state.answered += 1
        failing = state.mode in ("error", "sick") or (
            state.mode == "sometimes" and state.answered % 10 == 0
        )
        if state.mode == "hang":
            return
        if state.mode == "slow":
            asyncio.get_running_loop().call_later(1.0, self.send, 200, self.name.encode())
        elif state.mode == "cut":
            self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
            self.transport.close()
        else:
            self.send(500 if failing else 200, self.name.encode())

    def send(self, status, body):
        head = (
            f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\nx-tiffin-revision: own\r\n\r\n"
        )
        self.transport.write(head.encode() + body)


async def main(port, name):
    state = State()

    def connect():
        connection = Connection()
        connection.state, connection.name = state, name
        return connection

    server = await asyncio.get_running_loop().create_server(connect, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
