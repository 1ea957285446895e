"""Both clients against a server that fails in every way a server can."""

from __future__ import annotations

import asyncio
import socket
from itertools import pairwise
from typing import Any

import pytest

from serving.client import (
    BadAnswerError,
    BadRequestError,
    BusyClientError,
    Circuit,
    CircuitOpenError,
    ClientError,
    ClosedClientError,
    Connections,
    NotAllowedError,
    OverloadedError,
    Retries,
    ServerError,
    TimedOutError,
    Timeouts,
    UnavailableError,
    UnknownModelError,
    UnreachableError,
)
from serving.client.breaker import Phase
from tests.serving.client.callers import QUICK, ROWS, TWINS, Caller, caller, until
from tests.serving.client.failing_server import (
    FailingServer,
    answer,
    close_idle,
    drip,
    failing,
    hang,
    refuse,
    reset,
    truncate,
)

IMPATIENT = Timeouts(try_s=0.05)
NEVER_OPENS = Circuit(failures=1_000_000)
both = pytest.mark.parametrize("twin", TWINS)


async def failure_of(asking: Any) -> ClientError:
    with pytest.raises(ClientError) as raised:
        await asking
    return raised.value


@both
@pytest.mark.parametrize(
    "behaviour", [refuse(503), refuse(502), refuse(504), refuse(429), reset, truncate]
)
def test_an_answer_is_got_in_spite_of_two_failures(twin: str, behaviour: Any) -> None:
    async def scenario() -> None:
        async with failing(behaviour, behaviour) as server, caller(twin, server.url) as here:
            prediction = await here.predict(ROWS)
            assert (prediction.predictions, prediction.tries) == ((1.0,), 3)
            assert len(server.asked) == 3

    asyncio.run(scenario())


@both
def test_a_server_that_hangs_once_is_asked_again(twin: str) -> None:
    async def scenario() -> None:
        settings = {"timeouts": Timeouts(try_s=0.3)}
        async with failing(hang) as server, caller(twin, server.url, **settings) as here:
            assert (await here.predict(ROWS)).tries == 2

    asyncio.run(scenario())


@both
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequestError),
        (413, BadRequestError),
        (401, NotAllowedError),
        (403, NotAllowedError),
        (404, UnknownModelError),
        (500, ServerError),
        (302, ServerError),
    ],
)
def test_what_would_fail_again_is_asked_once(twin: str, status: int, kind: type) -> None:
    async def scenario() -> None:
        refusal = refuse(status, "a sentence")
        async with failing(then=refusal) as server, caller(twin, server.url) as here:
            failure = await failure_of(here.predict(ROWS))
            assert type(failure) is kind
            assert (failure.sentence, failure.status, failure.tries) == ("a sentence", status, 1)
            assert len(server.asked) == 1

    asyncio.run(scenario())


@both
@pytest.mark.parametrize(
    "body", [b"<html>", b"{}", b"[]", b'{"predictions": 7}', b"\xff", b"", b'{"predictions": [1']
)
def test_an_answer_that_is_none_is_told_and_not_repeated(twin: str, body: bytes) -> None:
    async def scenario() -> None:
        async with failing(then=answer(200, body)) as server, caller(twin, server.url) as here:
            failure = await failure_of(here.predict(ROWS))
            assert type(failure) is BadAnswerError
            assert len(server.asked) == 1
            assert here.client.circuit_phase is Phase.CLOSED

    asyncio.run(scenario())


@both
@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (refuse(503, "stopping"), UnavailableError),
        (refuse(429, "busy"), OverloadedError),
        (hang, TimedOutError),
        (drip("head"), TimedOutError),
        (drip("body"), TimedOutError),
        (reset, UnreachableError),
        (truncate, UnreachableError),
    ],
)
def test_the_last_failure_is_raised_with_the_request_id_and_the_tries(
    twin: str, behaviour: Any, kind: type
) -> None:
    async def scenario() -> None:
        async with failing(then=behaviour) as server:
            async with caller(twin, server.url, timeouts=IMPATIENT) as here:
                failure = await failure_of(here.predict(ROWS, request_id="my-id"))
            assert type(failure) is kind
            assert (failure.request_id, failure.tries) == ("my-id", 3)
            assert "my-id" in str(failure)
            assert [asked["x-request-id"] for asked in server.asked] == ["my-id"] * 3

    asyncio.run(scenario())


@both
def test_a_server_that_is_not_there_is_unreachable(twin: str) -> None:
    async def scenario() -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{taken.getsockname()[1]}"
            for protocol in ("predict", "grpc"):
                async with caller(twin, url, protocol=protocol) as here:
                    failure = await failure_of(here.predict(ROWS))
                    assert type(failure) is UnreachableError
                    assert failure.tries == 3

    asyncio.run(scenario())


@both
def test_nothing_is_asked_before_retry_after(twin: str) -> None:
    async def scenario() -> None:
        times = []

        async def now(writer: Any, here: FailingServer) -> None:
            times.append(asyncio.get_running_loop().time())
            await refuse(429, retry_after="0.2")(writer, here)

        async with failing(now, now, now) as server, caller(twin, server.url) as here:
            failure = await failure_of(here.predict(ROWS))
        assert failure.retry_after_s == 0.2
        assert all(later - first >= 0.2 for first, later in pairwise(times))

    asyncio.run(scenario())


@both
@pytest.mark.parametrize("status", [429, 503])
def test_a_retry_after_beyond_the_deadline_is_told_at_once(twin: str, status: int) -> None:
    async def scenario() -> None:
        refusal = refuse(status, retry_after=60)
        async with failing(then=refusal) as server, caller(twin, server.url) as here:
            failure = await failure_of(here.predict(ROWS, total_s=30))
            assert (failure.retry_after_s, failure.tries) == (60, 1)

    asyncio.run(scenario())


@both
def test_all_tries_together_end_with_the_deadline(twin: str) -> None:
    async def scenario() -> None:
        settings: dict[str, Any] = {"retries": Retries(tries=50), "circuit": NEVER_OPENS}
        async with failing(then=hang) as server, caller(twin, server.url, **settings) as here:
            begun = asyncio.get_running_loop().time()
            failure = await failure_of(here.predict(ROWS, total_s=0.3))
            took_s = asyncio.get_running_loop().time() - begun
        assert type(failure) is TimedOutError
        # It would be ten seconds without the deadline; the upper end is for a busy machine.
        assert 0.25 <= took_s < 8

    asyncio.run(scenario())


@both
def test_a_dead_server_is_not_asked_more_than_a_fifth_more(twin: str) -> None:
    async def scenario() -> None:
        budget = Retries(first_wait_s=0.001, longest_wait_s=0.001, tries=5, reserve=1)
        settings = {"retries": budget, "circuit": NEVER_OPENS}
        async with failing(then=refuse(503)) as server, caller(twin, server.url, **settings) as it:
            for _ in range(5):
                await asyncio.gather(*(failure_of(it.predict(ROWS)) for _ in range(40)))
            assert 200 < len(server.asked) <= 1.2 * 200 + 1

    asyncio.run(scenario())


@both
def test_a_dead_server_is_asked_next_to_nothing_once_the_circuit_is_open(twin: str) -> None:
    async def scenario() -> None:
        async with failing(then=reset) as server, caller(twin, server.url) as here:
            kinds = [type(await failure_of(here.predict(ROWS))) for _ in range(200)]
            assert len(server.asked) == Circuit().failures
            assert kinds.count(UnreachableError) == 2
            assert kinds.count(CircuitOpenError) == 198
            failure = await failure_of(here.predict(ROWS))
            assert failure.tries == 0
            assert 0 < (failure.retry_after_s or 0) <= 30

    asyncio.run(scenario())


@both
def test_one_probe_among_many_callers_finds_the_server_still_down_and_then_back(twin: str) -> None:
    async def many(here: Caller) -> list[Any]:
        asking = (here.predict(ROWS) for _ in range(20))
        return await asyncio.gather(*asking, return_exceptions=True)

    async def scenario() -> None:
        circuit = Circuit(failures=1, pause_s=0.1)
        settings = {"circuit": circuit, "retries": Retries(tries=1)}
        script = (refuse(503), hang)
        async with failing(*script) as server, caller(twin, server.url, **settings) as here:
            await failure_of(here.predict(ROWS))
            assert here.client.circuit_phase is Phase.OPEN
            await until(lambda: here.client.circuit_phase is Phase.HALF_OPEN)
            asking = asyncio.create_task(many(here))
            await until(lambda: server.are_hanging == 1)
            turned_away = await failure_of(here.predict(ROWS))
            assert type(turned_away) is CircuitOpenError
            server.released.set()
            ends = await asking
            assert [type(end) for end in ends].count(CircuitOpenError) == 19
            assert len(server.asked) == 2
            assert here.client.circuit_phase is Phase.CLOSED
            assert not [end for end in await many(here) if isinstance(end, Exception)]

    asyncio.run(scenario())


@both
def test_a_probe_that_fails_opens_the_circuit_again(twin: str) -> None:
    async def scenario() -> None:
        circuit = Circuit(failures=2, pause_s=0.1)
        async with failing(then=reset) as server, caller(twin, server.url, circuit=circuit) as here:
            await failure_of(here.predict(ROWS))
            await until(lambda: here.client.circuit_phase is Phase.HALF_OPEN)
            asked = len(server.asked)
            await failure_of(here.predict(ROWS))
            assert len(server.asked) == asked + 1
            assert here.client.circuit_phase is Phase.OPEN

    asyncio.run(scenario())


@both
@pytest.mark.parametrize("refusal", [refuse(400), refuse(429), refuse(500), refuse(404)])
def test_a_server_that_refuses_is_not_down(twin: str, refusal: Any) -> None:
    async def scenario() -> None:
        circuit = Circuit(failures=1)
        async with (
            failing(then=refusal) as server,
            caller(twin, server.url, circuit=circuit) as here,
        ):
            for _ in range(3):
                await failure_of(here.predict(ROWS))
            assert here.client.circuit_phase is Phase.CLOSED

    asyncio.run(scenario())


def test_a_cancelled_call_ends_at_once_and_leaves_the_probe_to_another() -> None:
    async def scenario() -> None:
        settings = {"circuit": Circuit(failures=1, pause_s=0.05), "retries": Retries(tries=1)}
        async with (
            failing(reset, hang) as server,
            caller("async", server.url, **settings) as here,
        ):
            await failure_of(here.predict(ROWS))
            await until(lambda: here.client.circuit_phase is Phase.HALF_OPEN)
            asking = asyncio.create_task(here.predict(ROWS))  # type: ignore[arg-type]
            await until(lambda: server.are_hanging == 1)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            assert (await here.predict(ROWS)).tries == 1
            assert here.client.circuit_phase is Phase.CLOSED

    asyncio.run(scenario())


def test_a_call_cancelled_between_two_tries_does_not_ask_again() -> None:
    async def scenario() -> None:
        async with failing(then=refuse(429, retry_after=5)) as server:
            async with caller("async", server.url) as here:
                asking = asyncio.create_task(here.predict(ROWS))  # type: ignore[arg-type]
                await until(lambda: len(server.asked) == 1)
                asking.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await asking
            assert len(server.asked) == 1

    asyncio.run(scenario())


@both
def test_closing_waits_for_calls_in_flight_and_takes_no_new_ones(twin: str) -> None:
    async def scenario() -> None:
        async with failing(hang) as server, caller(twin, server.url) as here:
            asking = asyncio.ensure_future(here.predict(ROWS))
            await until(lambda: server.are_hanging == 1)
            closing = asyncio.ensure_future(here.close())
            await until(lambda: here.client._in_flight._is_closed)
            assert type(await failure_of(here.predict(ROWS))) is ClosedClientError
            assert not closing.done()
            server.released.set()
            assert (await asking).predictions == (1.0,)
            await closing
            await here.close()

    asyncio.run(scenario())


@both
def test_closing_does_not_wait_longer_than_a_call_may_take(twin: str) -> None:
    async def scenario() -> None:
        settings = {"timeouts": Timeouts(total_s=0.05)}
        async with failing(hang) as server, caller(twin, server.url, **settings) as here:
            asking = asyncio.ensure_future(here.predict(ROWS, total_s=60))
            await until(lambda: server.are_hanging == 1)
            await here.close()
            server.released.set()
            await asyncio.gather(asking, return_exceptions=True)

    asyncio.run(scenario())


@both
def test_a_pool_that_is_too_small_is_not_the_servers_fault(twin: str) -> None:
    async def scenario() -> None:
        settings: dict[str, Any] = {
            "connections": Connections(most=1),
            "timeouts": Timeouts(connect_s=0.05),
            "circuit": Circuit(failures=1),
        }
        async with failing(hang) as server, caller(twin, server.url, **settings) as here:
            asking = asyncio.ensure_future(here.predict(ROWS))
            await until(lambda: server.are_hanging == 1)
            failure = await failure_of(here.predict(ROWS))
            assert type(failure) is BusyClientError
            assert here.client.circuit_phase is Phase.CLOSED
            server.released.set()
            await asking

    asyncio.run(scenario())


@both
def test_connections_are_kept(twin: str) -> None:
    async def scenario() -> None:
        ports = set()

        async def note(writer: Any, here: FailingServer) -> None:
            ports.add(writer.get_extra_info("peername")[1])
            await answer()(writer, here)

        async with failing(then=note) as server, caller(twin, server.url) as here:
            for _ in range(5):
                await here.predict(ROWS)
        assert len(ports) == 1

    asyncio.run(scenario())


@both
def test_a_connection_that_the_server_has_closed_costs_no_answer(twin: str) -> None:
    async def scenario() -> None:
        async with failing(then=close_idle) as server, caller(twin, server.url) as here:
            for _ in range(5):
                assert (await here.predict(ROWS)).predictions == (1.0,)

    asyncio.run(scenario())


@both
def test_what_a_call_says_of_itself_is_sent(twin: str) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    async def scenario() -> None:
        settings = {"api_key": "secret", "sticky_header": "x-customer-id", "retries": QUICK}
        revision = answer(x_tiffin_revision="v2-ab")
        async with failing(then=revision) as server, caller(twin, server.url, **settings) as here:
            prediction = await here.predict(
                ROWS, caller="42", revision="v2-ab", traceparent=trace, model="a/b"
            )
            assert (prediction.revision, prediction.model_name) == ("v2-ab", "m")
            [asked] = server.asked
            assert asked["x-request-id"] == prediction.request_id
            assert asked["x-api-key"] == "secret"
            assert asked["x-customer-id"] == "42"
            assert asked["x-tiffin-revision"] == "v2-ab"
            assert asked["traceparent"] == trace
            assert asked["path"] == "/a%2Fb/predict"

    asyncio.run(scenario())


@both
@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({"request_id": "a\r\nb: c"}, "x-request-id"),
        ({"revision": "grün"}, "x-tiffin-revision"),
        ({"caller": "42"}, "caller"),
        ({"version": "7"}, "version"),
        ({"total_s": 0}, "total_s"),
    ],
)
def test_options_that_cannot_be_sent_are_refused_before(
    twin: str, options: dict[str, Any], path: str
) -> None:
    async def scenario() -> None:
        async with failing() as server, caller(twin, server.url) as here:
            failure = await failure_of(here.predict(ROWS, **options))
            assert type(failure) is BadRequestError
            assert (failure.path, failure.tries, server.asked) == (path, 0, [])

    asyncio.run(scenario())


def test_no_error_and_no_repr_tells_the_key() -> None:
    async def scenario() -> None:
        async with (
            failing(then=refuse(401)) as server,
            caller("async", server.url, api_key="secret") as here,
        ):
            failure = await failure_of(here.predict(ROWS))
            assert "secret" not in repr(failure) + str(failure) + repr(here.client)

    asyncio.run(scenario())
