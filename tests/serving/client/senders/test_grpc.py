from __future__ import annotations

import asyncio
import gc
import signal
import threading
from queue import Queue
from typing import Any

import pytest

from serving.client import (
    AsyncClient,
    BadAnswerError,
    Circuit,
    Client,
    Retries,
    TimedOutError,
    Timeouts,
    UnavailableError,
    UnreachableError,
)
from serving.client.breaker import Phase
from tests.serving.client.callers import TWINS, caller, until
from tests.serving.client.failing_server import failing
from tests.serving.client.page_server import pages
from tests.serving.runtime.grpc.servers import running

POINT = [[1.0, 2.0, 3.5]]
both = pytest.mark.parametrize("twin", TWINS)


def asking(port: int, twin: str, **settings: Any) -> Any:
    url = f"http://127.0.0.1:{port}"
    return caller(twin, url, protocol="grpc", model="points", **settings)


@both
def test_a_call_that_hangs_ends_with_its_time_and_is_made_again(twin: str) -> None:
    async def scenario() -> None:
        hung = asyncio.Event()

        async def hang_once(call: Any) -> None:
            if not hung.is_set():
                hung.set()
                await asyncio.Event().wait()

        timeouts = Timeouts(try_s=0.3)
        async with running(hang_once) as server, asking(server.port, twin, timeouts=timeouts) as it:
            assert (await it.predict(POINT)).tries == 2

    asyncio.run(scenario())


@both
def test_a_call_that_always_hangs_is_timed_out(twin: str) -> None:
    async def scenario() -> None:
        async def hang(call: Any) -> None:
            await asyncio.Event().wait()

        settings = {"timeouts": Timeouts(try_s=0.05), "circuit": Circuit(failures=3)}
        async with running(hang) as server, asking(server.port, twin, **settings) as here:
            with pytest.raises(TimedOutError):
                await here.predict(POINT)
            assert here.client.circuit_phase is Phase.OPEN

    asyncio.run(scenario())


@both
def test_a_server_that_goes_is_left_for_a_new_connection(twin: str) -> None:
    async def scenario() -> None:
        async with running() as server, asking(server.port, twin) as here:
            assert (await here.predict(POINT)).tries == 1
            for connection in [*server.connections]:
                connection.shutdown()
            await server.gone()
            assert (await here.predict(POINT)).tries == 1

    asyncio.run(scenario())


@both
def test_a_connection_that_breaks_is_made_again(twin: str) -> None:
    async def scenario() -> None:
        broken = asyncio.Event()

        async def break_once(call: Any) -> None:
            if not broken.is_set():
                broken.set()
                for connection in [*server.connections]:
                    connection._transport.abort()
                await asyncio.Event().wait()

        async with running(break_once) as server, asking(server.port, twin) as here:
            assert (await here.predict(POINT)).tries == 2

    asyncio.run(scenario())


@both
def test_a_server_that_speaks_no_grpc_is_unreachable(twin: str) -> None:
    async def scenario() -> None:
        settings = {"retries": Retries(tries=1), "timeouts": Timeouts(try_s=0.5)}
        async with failing() as server, asking(server.port, twin, **settings) as here:
            with pytest.raises((UnreachableError, TimedOutError)):
                await here.predict(POINT)

    asyncio.run(scenario())


@both
@pytest.mark.parametrize(
    ("status", "content_type"),
    [("404", "application/json"), ("200", "text/html"), ("415", "text/plain"), ("200", None)],
)
def test_whoever_answers_without_grpc_is_told_from_a_model_server(
    twin: str, status: str, content_type: str | None
) -> None:
    async def scenario() -> None:
        async with pages(status, content_type) as port, asking(port, twin) as here:
            with pytest.raises(BadAnswerError, match="does not speak gRPC") as refused:
                await here.predict(POINT)
            assert (refused.value.status, refused.value.tries) == (int(status), 1)
            assert "ask the model server itself, on its own port" in str(refused.value)

    asyncio.run(scenario())


@both
def test_a_proxy_whose_server_is_gone_is_asked_again(twin: str) -> None:
    async def scenario() -> None:
        async with pages("503", "text/html") as port, asking(port, twin) as here:
            with pytest.raises(UnavailableError) as refused:
                await here.predict(POINT)
            assert refused.value.tries > 1

    asyncio.run(scenario())


@pytest.mark.filterwarnings("error::ResourceWarning")
def test_a_client_that_is_never_closed_leaves_without_a_word() -> None:
    async def scenario() -> None:
        said: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context))
        async with pages("404", "application/json") as port:
            with pytest.raises(BadAnswerError):
                await AsyncClient(f"http://127.0.0.1:{port}", protocol="grpc").predict(POINT)
            gc.collect()
            await asyncio.sleep(0)  # for the connection, which is closed by its loop
        assert said == []

    asyncio.run(scenario())


@both
def test_the_id_and_the_key_travel_as_metadata(twin: str) -> None:
    async def scenario() -> None:
        async with running() as server, asking(server.port, twin, api_key="secret") as here:
            await here.predict(POINT, request_id="my-id", traceparent="00-ab-cd-01")
            [call] = server.calls
            assert call.headers[b"x-request-id"] == b"my-id"
            assert call.headers[b"x-api-key"] == b"secret"
            assert call.headers[b"traceparent"] == b"00-ab-cd-01"

    asyncio.run(scenario())


def test_a_cancelled_call_is_cancelled_on_the_server() -> None:
    async def scenario() -> None:
        begun, ended = asyncio.Event(), asyncio.Event()

        async def hang(call: Any) -> None:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        async with running(hang) as server, asking(server.port, "async") as here:
            call = asyncio.ensure_future(here.predict(POINT))
            await begun.wait()
            call.cancel()
            await until(ended.is_set)
            with pytest.raises(asyncio.CancelledError):
                await call

    asyncio.run(scenario())


def test_the_thread_of_a_client_that_blocks_ends_with_it() -> None:
    client = Client("http://127.0.0.1:9", protocol="grpc")
    thread = client._sender._thread  # type: ignore[attr-defined]
    assert thread.is_alive()
    client.close()
    client.close()
    assert not thread.is_alive()


class Interruption(BaseException):
    """What Ctrl-C is."""


def test_a_caller_who_is_interrupted_gives_the_call_up() -> None:
    def interrupt(*_: object) -> None:
        raise Interruption

    caller_thread, port, ended = threading.get_ident(), Queue[int](), threading.Event()

    async def serve() -> None:
        gone = asyncio.Event()

        async def hang(call: Any) -> None:
            signal.pthread_kill(caller_thread, signal.SIGUSR1)
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()
                gone.set()

        async with running(hang) as server:
            port.put(server.port)
            await gone.wait()

    before = signal.signal(signal.SIGUSR1, interrupt)
    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        url = f"http://127.0.0.1:{port.get(timeout=20)}"
        with Client(url, protocol="grpc", model="points") as client:
            with pytest.raises(Interruption):
                client.predict(POINT)
            assert ended.wait(5), "the server still works for a caller who has gone"
    finally:
        signal.signal(signal.SIGUSR1, before)
        thread.join(20)
