from __future__ import annotations

import requests

from serving.loadtest.open_loop import Ask
from serving.loadtest.soak import subject_at
from serving.loadtest.soak_requests import grpc_message, half_a_request, http_asks
from tests.serving.runtime.small_models import model_of
from tests.serving.services.small_site import threaded_site

BODY = b'{"input_data": {"features": [{"a": 1.0, "b": 2.0}]}}'


def sent(url: str, ask: Ask) -> int:
    head, _, body = ask.wire.partition(b"\r\n\r\n")
    path = head.split()[1].decode()
    headers = {"content-type": "application/json"}
    return requests.post(url + path, data=body, headers=headers, timeout=30).status_code


def test_every_request_gets_the_status_that_is_right_for_it() -> None:
    with threaded_site(model_of()) as url:
        asks = http_asks(subject_at(url, [BODY], {}))
        different = {ask.wire: ask for ask in asks}.values()
        assert [sent(url, ask) for ask in different] == [ask.status for ask in different]
    assert len(asks) == 50
    assert len(different) == 6


def test_grpc_asks_for_the_same_row() -> None:
    with threaded_site(model_of()) as url:
        message = grpc_message(subject_at(url, [BODY], {}))
    cells = {tensor.name: list(tensor.contents.fp64_contents) for tensor in message.inputs}
    assert cells == {"a": [1.0], "b": [2.0]} or list(cells.values()) == [[1.0, 2.0]]


def test_half_a_request_is_less_than_it_promises() -> None:
    with threaded_site(model_of()) as url:
        head, _, body = half_a_request(subject_at(url, [BODY], {})).partition(b"\r\n\r\n")
    promised = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    assert len(body) < promised
