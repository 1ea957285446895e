"""That a whole request ends in time is shown in test_clients.py; here is what it rests on."""

from __future__ import annotations

import httpcore
import httpx
import pytest

from serving.client.senders.bounded import BoundedTransport, _Backend, _left


def test_the_pool_of_httpx_has_our_sockets() -> None:
    # httpx reads `_pool` for every request: it must still be the name of it.
    plain = httpx.HTTPTransport()
    ours = BoundedTransport(verify=False, limits=httpx.Limits(max_connections=3))
    assert type(plain._pool) is type(ours._pool)
    assert isinstance(ours._pool._network_backend, _Backend)
    assert ours._pool._max_connections == 3


def test_nothing_is_waited_for_when_the_time_is_over() -> None:
    transport = BoundedTransport(verify=False, limits=httpx.Limits())
    with (
        httpx.Client(transport=transport) as client,
        transport.within(0),
        pytest.raises(httpx.ConnectTimeout),
    ):
        client.get("http://127.0.0.1:9")


def test_no_wait_is_longer_than_what_is_left() -> None:
    transport = BoundedTransport(verify=False, limits=httpx.Limits())
    with transport.within(10):
        assert _left(0.5, httpcore.ReadTimeout) == 0.5
        assert _left(60, httpcore.ReadTimeout) <= 10
        assert _left(None, httpcore.ReadTimeout) <= 10
