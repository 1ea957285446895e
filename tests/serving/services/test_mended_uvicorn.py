from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
import uvloop

from tests.serving.services.small_site import GOOD, Site, read_answer, request_of, site

BODY = json.dumps(GOOD).encode()
ASKED = request_of("/predict", BODY)


def lines(here: Site) -> list[int]:
    """How many requests are in line, by connection."""
    return [len(getattr(connection, "pipeline", ())) for connection in here.state.connections]


def test_who_sends_and_sends_fills_no_memory_and_delays_nobody() -> None:
    async def scenario() -> None:
        async with site() as here:
            _, greedy = await here.connect()
            greedy.write(ASKED * 100_000)
            most = 0
            for _ in range(30):
                assert (await here.predict([1.0, 2.0])).status_code == 200
                most = max(most, *lines(here))
            assert 0 < most < 10_000
            greedy.transport.abort()

    uvloop.run(scenario())


@pytest.mark.parametrize("cut", [0, len(BODY)])
@pytest.mark.parametrize("wish", ["Upgrade: h2c", "upgrade:h2c", "UPGRADE: TLS/1.0, h2c"])
def test_a_client_that_would_like_another_protocol_is_answered_in_this(wish: str, cut: int) -> None:
    async def scenario() -> None:
        async with site() as here:
            reader, writer = await here.connect()
            asked = request_of("/predict", BODY, "Connection: Upgrade, HTTP2-Settings", wish)
            for _ in range(2):
                writer.write(asked[: len(asked) - cut])
                await asyncio.sleep(0.01)
                writer.write(asked[len(asked) - cut :])
                status, _, answer = await read_answer(reader)
                assert (status, json.loads(answer)["predictions"]) == (200, [1.0])
            writer.close()

    uvloop.run(scenario())


def test_a_wish_in_a_head_that_comes_in_pieces_ends_the_connection_after_the_answer() -> None:
    async def scenario() -> None:
        async with site() as here:
            reader, writer = await here.connect()
            asked = request_of("/predict", ASKED, "Connection: Upgrade", "Upgrade: h2c")
            head = asked.index(b"Upgrade: h2c") + 3
            writer.write(asked[:head])
            await asyncio.sleep(0.01)
            writer.write(asked[head:])
            status, headers, _ = await read_answer(reader)
            assert (status, headers["connection"]) == (400, "close")
            assert await reader.read() == b""  # its body was not taken for a request
            writer.close()

    uvloop.run(scenario())


def test_what_follows_a_chunked_body_is_no_header() -> None:
    chunked = b"%x\r\n%b\r\n0\r\nContent-Type: text/csv\r\n\r\n" % (len(BODY), BODY)

    async def scenario() -> None:
        async with site() as here:
            reader, writer = await here.connect()
            asked = request_of("/predict", b"", "Transfer-Encoding: chunked")
            writer.write(asked.replace(b"Content-Length: 0\r\n", b"") + chunked)
            assert (await read_answer(reader))[0] == 200
            writer.close()

    uvloop.run(scenario())


def test_the_timer_of_an_idle_connection_stops_for_the_next_request() -> None:
    async def scenario() -> None:
        async with site() as here:
            reader, writer = await here.connect()
            unfinished = request_of("/predict", BODY)[:-1]
            writer.write(ASKED + unfinished)
            await read_answer(reader)
            (connection,) = [c for c in here.state.connections if hasattr(c, "pipeline")]
            assert timer_of(connection) is None
            writer.close()

    uvloop.run(scenario())


def timer_of(connection: Any) -> Any:
    return connection.timeout_keep_alive_task
