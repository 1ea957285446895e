from __future__ import annotations

import os

import pytest

from tiffin.errors import RefusedError, UnavailableError
from tiffin.traffic.fencing import StoredRoute
from tiffin.traffic.route_store import RouteStore, write_file
from tiffin.traffic.split import WHOLE, Backend, Endpoint, Split, Timeouts


@pytest.fixture
def store(tmp_path):
    return RouteStore(tmp_path)


def test_gives_back_what_was_stored(store):
    backend = Backend("v1", Endpoint("127.0.0.1", 21001), WHOLE)
    split = Split("iris", 9001, (backend,), "v1", "x-user", Timeouts(3.0, 0.5))
    stored = StoredRoute("r1", 7, split, "v0")
    store.save("iris", stored)
    assert store.load("iris") == stored
    store.save("wine", StoredRoute("r2"))
    assert store.load("wine") == StoredRoute("r2")
    assert store.services() == ("iris", "wine")


def test_names_a_file_that_is_no_stored_route(store, tmp_path):
    store.save("iris", StoredRoute("r1"))
    (tmp_path / "routes" / "iris.json").write_text('{"holder": ')
    with pytest.raises(RefusedError, match=r"iris\.json"):
        store.load("iris")


def test_says_that_another_writer_is_at_work(store):
    with (
        store.locked("iris"),
        pytest.raises(UnavailableError, match="another process"),
        store.locked("iris", timeout_s=0.01),
    ):
        pass
    with store.locked("iris", timeout_s=0.01):
        pass


@pytest.mark.skipif(not os.access("/dev/full", os.W_OK), reason="this system has no /dev/full")
def test_a_full_disk_leaves_the_old_file(tmp_path):
    file = tmp_path / "a.json"
    write_file(file, "old")
    (tmp_path / ".a.json.draft").symlink_to("/dev/full")
    with pytest.raises(UnavailableError, match="make room"):
        write_file(file, "new")
    assert file.read_text() == "old"
