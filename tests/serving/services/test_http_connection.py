from __future__ import annotations

import asyncio
import json
import socket
import threading
from typing import Any

import pytest
import uvloop
from prometheus_client import REGISTRY

from serving.runtime.engines.engine import Outputs
from serving.runtime.rows import Rows
from serving.services import backlog as backlog_module
from serving.services.http_connection import path_of_whole_post
from tests.serving.runtime.small_models import OneEngine, model_of
from tests.serving.services.small_site import GOOD, Site, read_answer, request_of, site

BODY = json.dumps(GOOD).encode()
ASKED = request_of("/predict", BODY)


def fill(here: Site) -> None:
    here.server.backlog._most = 0


def make_room(here: Site) -> None:
    here.server.backlog._most = float("inf")


async def ask(here: Site, request: bytes = ASKED) -> tuple[int, dict[str, str], bytes]:
    reader, writer = await here.connect()
    writer.write(request)
    answer = await read_answer(reader)
    writer.close()
    return answer


def test_an_answer_is_sent_in_one_piece() -> None:
    async def scenario() -> None:
        async with site() as here:
            reader, writer = await here.connect()
            for _ in range(3):
                writer.write(ASKED)
                piece = await reader.read(65536)
                head, _, body = piece.partition(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 200 OK\r\n")
                assert json.loads(body)["predictions"] == [1.0]
            writer.close()

    uvloop.run(scenario())


@pytest.mark.parametrize("line", [b"POST /predict HTTP/1.0", b"POST /predict HTTP/1.1"])
def test_a_client_that_wants_no_more_is_told_and_hung_up_on(line: bytes) -> None:
    async def scenario() -> None:
        async with site() as here:
            reader, writer = await here.connect()
            asked = request_of("/predict", BODY, "Connection: close")
            writer.write(asked.replace(b"POST /predict HTTP/1.1", line))
            status, headers, _ = await read_answer(reader)
            assert (status, headers["connection"]) == (200, "close")
            assert await reader.read() == b""
            writer.close()

    uvloop.run(scenario())


class Watching(OneEngine):
    """Notes for each call how many rows it has, and whether it was made within a task."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[int, bool]] = []

    def outputs(self, rows: Rows) -> Outputs:
        self.calls.append((rows.count, asyncio.current_task() is not None))
        return super().outputs(rows)


def test_a_prediction_that_comes_alone_is_answered_where_it_was_read() -> None:
    async def scenario() -> None:
        engine = Watching()
        async with site(model_of(engine)) as here:
            engine.calls.clear()
            for _ in range(3):
                assert (await ask(here))[0] == 200
            assert engine.calls == [(1, False)] * 3

    uvloop.run(scenario())


def test_predictions_that_are_read_together_are_one_call_but_for_the_first() -> None:
    async def scenario() -> None:
        engine = Watching()
        async with site(model_of(engine)) as here:
            connections = [await here.connect() for _ in range(8)]
            for _, writer in connections:  # the first bytes of a connection choose its protocol
                writer.write(request_of("/predict", b""))
            for reader, _ in connections:
                assert (await read_answer(reader))[0] == 400
            engine.calls.clear()
            for _, writer in connections:
                writer.write(ASKED)
            for reader, writer in connections:
                assert (await read_answer(reader))[0] == 200
                writer.close()
            assert [rows for rows, _ in engine.calls] == [1, 7]

    uvloop.run(scenario())


@pytest.mark.parametrize("cut", [10, len(ASKED) - len(BODY), len(ASKED) - 1])
def test_a_request_that_comes_in_pieces_is_answered_once_it_is_whole(cut: int) -> None:
    async def scenario() -> None:
        async with site() as here:
            reader, writer = await here.connect()
            for _ in range(2):
                writer.write(ASKED[:cut])
                assert (await ask(here))[0] == 200  # others are answered meanwhile
                writer.write(ASKED[cut:])
                status, _, body = await read_answer(reader)
                assert (status, json.loads(body)["predictions"]) == (200, [1.0])
            writer.close()

    uvloop.run(scenario())


CHUNKED = request_of("/predict", b"", "Transfer-Encoding: chunked")
CHUNKED = CHUNKED.replace(b"Content-Length: 0\r\n", b"")
GET = b"GET /health HTTP/1.1\r\nHost: here\r\n\r\n"


@pytest.mark.parametrize(
    "sent",
    [
        [CHUNKED + b"ZZ\r\n"],
        [CHUNKED, b"ZZ\r\n"],
        [GET + CHUNKED, b"ZZ\r\n"],
        [request_of("/predict", BODY, "Connection: close") + ASKED],
        [ASKED.replace(b"HTTP/1.1", b"HTTP/1.0") + ASKED],
    ],
)
def test_who_is_hung_up_on_before_their_turn_leaves_no_trace(sent: list[bytes]) -> None:
    async def scenario() -> None:
        async with site() as here:
            for _ in range(5):
                reader, writer = await here.connect()
                for piece in sent:
                    writer.write(piece)
                    await asyncio.sleep(0.01)
                await reader.read()
                writer.close()
            while here.state.tasks:
                await asyncio.sleep(0)
            assert here.server.backlog.waiting == 0

    uvloop.run(scenario())


class PanicError(BaseException):
    """What a model's native code may raise; no `except Exception` sees it."""


@pytest.mark.parametrize("end", [SystemExit, PanicError, asyncio.CancelledError])
@pytest.mark.parametrize("is_slow", [False, True])
def test_a_model_that_would_end_everything_ends_one_request(
    end: type[BaseException], is_slow: bool
) -> None:
    def answer(number: float) -> float:
        if number == 13:
            raise end
        return number

    async def scenario() -> None:
        async with site(model_of(OneEngine(answer, is_slow=is_slow))) as here:
            asked = [here.predict([number, 0.0]) for number in (1.0, 13.0, 2.0)]
            statuses = [answer.status_code for answer in await asyncio.gather(*asked)]
            assert statuses == [200, 500, 200]
            assert (await here.predict([13.0, 0.0])).status_code == 500
            assert (await here.predict([1.0, 0.0])).status_code == 200

    uvloop.run(scenario())


def test_a_body_that_looks_like_a_request_is_not_shed_as_one() -> None:
    async def scenario() -> None:
        async with site() as here:
            reader, writer = await here.connect()
            whole = request_of("/predict", ASKED)
            fill(here)
            writer.write(whole.removesuffix(ASKED) + b"")
            await asyncio.sleep(0.01)
            writer.write(ASKED)
            assert (await read_answer(reader))[0] in (400, 429)
            make_room(here)
            writer.write(ASKED)
            assert (await read_answer(reader))[0] == 200
            writer.close()

    uvloop.run(scenario())


def test_a_length_of_thousands_of_digits_is_no_length() -> None:
    absurd = ASKED.replace(b"Content-Length: ", b"Content-Length: " + b"1" * 5000)
    assert path_of_whole_post(absurd) is None


def test_a_client_that_asks_whether_to_go_on_is_told_so() -> None:
    async def scenario() -> None:
        async with site() as here:
            reader, writer = await here.connect()
            asked = request_of("/predict", BODY, "Expect: 100-continue")
            writer.write(asked.removesuffix(BODY))
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(BODY)
            assert (await read_answer(reader))[0] == 200
            writer.close()

    uvloop.run(scenario())


def test_requests_that_come_together_are_answered_in_their_order() -> None:
    async def scenario() -> None:
        async with site() as here:
            reader, writer = await here.connect()
            bodies = [json.dumps({"input_data": {"features": [[n, 0.0]]}}) for n in (1.0, 2.0, 3.0)]
            writer.write(b"".join(request_of("/predict", body.encode()) for body in bodies))
            answers = [json.loads((await read_answer(reader))[2]) for _ in bodies]
            assert [answer["predictions"] for answer in answers] == [[1.0], [2.0], [3.0]]
            writer.close()

    uvloop.run(scenario())


def test_a_client_that_reads_slowly_gets_every_byte() -> None:
    rows = [[float(number), 0.0] for number in range(40_000)]

    async def scenario() -> None:
        async with site() as here:
            reader, writer = await asyncio.open_connection("127.0.0.1", here.port, limit=1024)
            body = json.dumps({"input_data": {"features": rows}}).encode()
            for _ in range(8):
                writer.write(request_of("/predict", body))
            for _ in range(8):
                _, _, answer = await read_answer(reader)
                assert json.loads(answer)["predictions"] == [row[0] for row in rows]
            writer.close()

    uvloop.run(scenario())


def test_a_client_that_does_not_read_is_not_answered_into_memory(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rows = json.dumps({"input_data": {"features": [[1, 2]] * 20_000}}).encode()

    async def scenario() -> None:
        async with site(model_of(OneEngine(lambda number: number / 3))) as here:
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", here.port))
            _, writer = await asyncio.open_connection(sock=client, limit=1024)
            for _ in range(40):
                writer.write(request_of("/predict", rows))
            for _ in range(100):
                await asyncio.sleep(0.01)
                held = [kept.transport.get_write_buffer_size() for kept in here.state.connections]
                assert sum(held) < 1_000_000
            assert sum(held) > 0
            writer.transport.abort()
            async with asyncio.timeout(20):
                while here.state.tasks:
                    await asyncio.sleep(0.01)

    uvloop.run(scenario())
    assert not [record for record in caplog.records if record.name == "uvicorn.error"]


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/predict", {"error", "path"}),
        ("/small/predict", {"error", "path"}),
        ("/v1/models/small:predict", {"error"}),
        ("/v2/models/small/infer", {"error"}),
        ("/invocations", {"error_code", "message"}),
    ],
)
def test_a_prediction_is_shed_in_its_protocol_while_there_are_too_many(
    path: str, shape: set[str]
) -> None:
    async def scenario() -> None:
        async with site() as here:
            fill(here)
            status, headers, body = await ask(here, request_of(path, BODY))
        assert (status, set(json.loads(body))) == (429, shape)
        assert int(headers["retry-after"]) >= 1

    uvloop.run(scenario())


def test_a_connection_that_was_shed_is_answered_as_soon_as_there_is_room() -> None:
    async def scenario() -> None:
        async with site() as here:
            reader, writer = await here.connect()
            statuses = []
            for change in (make_room, fill, fill, make_room):
                change(here)
                writer.write(ASKED)
                statuses.append((await read_answer(reader))[0])
            assert statuses == [200, 429, 429, 200]
            writer.close()

    uvloop.run(scenario())


def test_after_a_queue_was_full_requests_are_refused_unparsed_until_there_is_room() -> None:
    nonsense = request_of("/predict", b"{")

    async def scenario() -> None:
        async with site(model_of(), model_of(name="other")) as here:
            batcher = here.server.models.find("small")._batcher
            batcher._quick_rows, batcher._queued_rows = 0, 10**9
            assert (await ask(here, nonsense))[0] == 400
            assert (await ask(here))[0] == 429
            assert (await ask(here, nonsense))[0] == 429
            assert (await ask(here, request_of("/other/predict", BODY)))[0] == 200
            batcher._queued_rows = 0
            assert (await ask(here, nonsense))[0] == 400
            assert (await ask(here))[0] == 200

    uvloop.run(scenario())


def test_probes_and_metadata_are_answered_while_predictions_are_shed() -> None:
    async def scenario() -> None:
        async with site() as here:
            fill(here)
            for path in ("/readyz", "/health", "/v2/models/small"):
                assert (await here.client.get(path)).status_code == 200
            assert (await here.client.post("/model_info", json={})).status_code == 200

    uvloop.run(scenario())


def test_shed_requests_are_counted_for_their_model() -> None:
    async def scenario() -> None:
        async with site(model_of(name="shedding")) as here:
            fill(here)
            for _ in range(3):
                await ask(here, request_of("/v1/models/shedding:predict", BODY))
            await here.client.get("/metrics")
        labels = {"model_name": "shedding", "model_version": "1", "protocol": "kserve-v1"}
        assert REGISTRY.get_sample_value("model_requests_shed_total", labels) == 3

    uvloop.run(scenario())


def test_a_request_whose_turn_comes_too_late_is_shed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog_module, "_FEWEST", 0)

    async def scenario() -> None:
        async with site() as here:
            here.server.backlog._longest_wait_s = -1.0
            monkeypatch.setattr(here.server.backlog, "may_jump_in", lambda loop: False)
            reader, writer = await here.connect()
            for _ in range(2):
                writer.write(ASKED)
                assert (await read_answer(reader))[0] == 429
            assert (await here.client.get("/health")).status_code == 200
            writer.close()

    uvloop.run(scenario())


class GatedEngine(OneEngine):
    """Holds each call until the test opens the gate; remembers what it was asked."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.called = threading.Event()
        self.asked: list[float] = []
        super().__init__(self._hold, is_slow=True)

    def _hold(self, number: float) -> float:
        self.asked.append(number)
        self.called.set()
        assert self.gate.wait(20)
        return number


def test_work_for_callers_who_have_gone_is_dropped() -> None:
    async def scenario() -> None:
        engine = GatedEngine()
        async with site(model_of(engine, name="leaving")) as here:
            engine.gate.clear()
            engine.called.clear()
            first = asyncio.create_task(here.predict([1.0, 0.0]))
            await asyncio.to_thread(engine.called.wait, 20)
            for number in range(100, 120):
                await leave(here, float(number))
            async with asyncio.timeout(20):
                while here.server.backlog.waiting or len(here.state.tasks) > 1:
                    await asyncio.sleep(0)
            last = asyncio.create_task(here.predict([2.0, 0.0]))
            engine.gate.set()
            assert [(await answer).status_code for answer in (first, last)] == [200, 200]
            await here.client.get("/metrics")
        assert not [number for number in engine.asked if number >= 100]

        outcomes = ("answered", "bad_input", "model")
        assert [counted("leaving", outcome) for outcome in outcomes] == [2, None, None]

    def counted(name: str, outcome: str) -> float | None:
        labels = {"model_name": name, "model_version": "1", "protocol": "predict"}
        return REGISTRY.get_sample_value("model_requests_total", {**labels, "outcome": outcome})

    async def leave(here: Site, number: float) -> None:
        body = json.dumps({"input_data": {"features": [[number, 0.0]]}}).encode()
        _, writer = await here.connect()
        writer.write(request_of("/predict", body))
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    uvloop.run(scenario())


def timer_of(connection: Any) -> Any:
    return getattr(connection, "timeout_keep_alive_task", None)  # a FrontDoor has none


def test_a_connection_that_was_reset_keeps_no_timer() -> None:
    async def scenario() -> None:
        async with site() as here:
            client = socket.create_connection(("127.0.0.1", here.port))
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.sendall(ASKED)
            while not (idle := [c for c in here.state.connections if timer_of(c) is not None]):
                await asyncio.sleep(0.01)
            client.close()
            while here.state.connections:
                await asyncio.sleep(0.01)
            assert timer_of(idle[0]) is None

    uvloop.run(scenario())


def test_an_idle_connection_still_brings_a_request_while_the_server_stops() -> None:
    async def scenario() -> None:
        async with site() as here:
            reader, writer = await here.connect()
            writer.write(ASKED)
            await read_answer(reader)
            stop(here)
            writer.write(ASKED)
            status, headers, _ = await read_answer(reader)
            assert (status, headers["connection"]) == (200, "close")
            assert await reader.read() == b""
            writer.close()

    uvloop.run(scenario())


def test_an_idle_connection_is_closed_when_it_brings_nothing() -> None:
    async def scenario() -> None:
        async with site() as here:
            (silent, unused), (spoke, writer) = await here.connect(), await here.connect()
            writer.write(ASKED)
            await read_answer(spoke)
            stop(here)
            assert await asyncio.gather(silent.read(), spoke.read()) == [b"", b""]
            assert not here.state.connections
            unused.close()
            writer.close()

    uvloop.run(scenario())


def stop(here: Site) -> None:
    here.server.drain.is_draining = True
    for connection in list(here.state.connections):
        connection.shutdown()


@pytest.mark.parametrize(
    ("data", "path"),
    [
        (ASKED, "/predict"),
        (request_of("/a/predict?x=1", b"{}", "X-API-Key: k"), "/a/predict"),
        (ASKED[:-1], None),
        (ASKED + ASKED, None),
        (b"GET /health HTTP/1.1\r\nHost: here\r\n\r\n", None),
        (request_of("/predict", BODY, "Connection: close"), None),
        (request_of("/predict", BODY, "Transfer-Encoding: chunked"), None),
        (ASKED.replace(b"HTTP/1.1", b"HTTP/1.0"), None),
        (b"POST /predict HTTP/1.1\r\nHost: here\r\n\r\n", None),
        (b"\x16\x03\x01\x02\x00", None),
        (b"", None),
    ],
)
def test_only_a_plain_request_that_is_all_there_is_refused_unparsed(
    data: bytes, path: str | None
) -> None:
    assert path_of_whole_post(data) == path


def test_uvicorn_has_the_parts_that_we_rely_on() -> None:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

    names: dict[str, Any] = vars(HttpToolsProtocol)
    assert {"_start_asgi_task", "_unset_keepalive_if_required", "shutdown"} <= set(names)
