from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from serving.loadtest.open_loop import NO_ANSWER, Ask, ClosedLoop, OpenLoop, Outcome, post

ASK = Ask(post("/predict", b"{}"))
GOOD = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


class Answers(asyncio.Protocol):
    """Gives each request, which comes whole, to `answer`."""

    def __init__(self, answer: Callable[[asyncio.Transport], None]) -> None:
        self._answer = answer

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._answer(self._transport)


@contextlib.asynccontextmanager
async def server(answer: Callable[[asyncio.Transport], None]) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(lambda: Answers(answer), "127.0.0.1", 0)
    async with listener:
        yield listener.sockets[0].getsockname()[1]


def asked(answer: Callable[[Any], None], rate: float = 200, connections: int = 4) -> Any:
    async def scenario() -> tuple[OpenLoop, Outcome]:
        outcome = Outcome()
        async with server(answer) as port:
            load = OpenLoop(port, [ASK], outcome.note, rate)
            await load.run(0.5, connections)
        return load, outcome

    return asyncio.run(scenario())


def test_each_request_is_answered_and_counted_once() -> None:
    load, outcome = asked(lambda transport: transport.write(GOOD))
    assert load.sent == outcome.statuses[200] > 0
    assert outcome.good == load.sent
    assert outcome.wrong == 0


def test_what_is_due_while_all_connections_wait_is_not_sent() -> None:
    load, outcome = asked(lambda transport: None, connections=3)
    assert load.sent == 3
    assert load.unsent > 0
    assert outcome.statuses == {NO_ANSWER: 3}
    assert outcome.wrong == 3


def test_a_connection_that_the_server_ends_is_replaced() -> None:
    def answer_and_close(transport: Any) -> None:
        transport.write(GOOD.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n", 1))
        transport.close()

    load, outcome = asked(answer_and_close, connections=2)
    assert load.sent > 2
    assert outcome.statuses == {200: load.sent}


def test_a_request_that_is_cut_off_counts_as_unanswered() -> None:
    load, outcome = asked(lambda transport: transport.abort(), connections=2)
    assert outcome.statuses == {NO_ANSWER: load.sent}


def test_an_answer_may_come_in_pieces() -> None:
    def answer_slowly(transport: Any) -> None:
        transport.write(GOOD[:20])
        asyncio.get_running_loop().call_later(0.01, transport.write, GOOD[20:])

    load, outcome = asked(answer_slowly)
    assert outcome.statuses == {200: load.sent}


def test_another_status_than_the_right_one_is_wrong() -> None:
    outcome = Outcome()
    outcome.note(Ask(b"", 400), 400, 0.1)
    outcome.note(Ask(b"", 400), 200, 0.1)
    outcome.note(Ask(b"", 200), 200, 1.5)
    assert (outcome.good, outcome.wrong, outcome.late) == (1, 1, 1)


def test_a_closed_loop_keeps_every_connection_busy_and_answers_for_all() -> None:
    async def scenario() -> tuple[ClosedLoop, Outcome]:
        outcome = Outcome()
        async with server(lambda transport: transport.write(GOOD)) as port:
            load = ClosedLoop(port, [ASK], outcome.note)
            await load.run(0.3, connections=4)
        return load, outcome

    load, outcome = asyncio.run(scenario())
    assert load.sent == outcome.good > 4
    assert outcome.wrong == 0


def test_a_post_is_one_whole_request() -> None:
    head, _, body = post("/predict", b"{}", x_api_key="secret").partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /predict HTTP/1.1"
    assert {b"x-api-key: secret", b"content-length: 2"} < set(lines)
    assert body == b"{}"
