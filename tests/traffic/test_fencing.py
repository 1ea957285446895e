"""What the router contract can't reach; the rest is in tests/contracts/router.py."""

from __future__ import annotations

import pytest

from tiffin.errors import FencedError
from tiffin.traffic.fencing import StoredRoute, taken_over, written
from tiffin.traffic.split import WHOLE, Backend, Endpoint, Split

V1 = Backend("v1", Endpoint("127.0.0.1", 21001), WHOLE)
V2 = Backend("v2", Endpoint("127.0.0.1", 21002), 0)
SPLIT = Split("iris", 9001, (V1, V2), "v1")


def test_a_write_that_changes_nothing_returns_the_very_same_value():
    stored = StoredRoute("r1", 3, SPLIT)
    assert written(stored, SPLIT, release="r1", previous=None) is stored


def test_a_refusal_names_the_holder():
    with pytest.raises(FencedError, match="held by release r1") as refusal:
        written(StoredRoute("r1", 3, SPLIT), SPLIT, release="r2", previous=None)
    assert refusal.value.code == "not-the-holder"


def test_nobody_goes_back_to_the_revision_that_is_live():
    stored = StoredRoute("r1", 3, SPLIT.promoted("v2"), previous="v1")
    assert written(stored, SPLIT, release="r1", previous=None).previous is None


def test_the_holder_need_not_know_the_generation():
    stored = StoredRoute("r1", 3, SPLIT)
    assert taken_over(stored, "iris", "r1", generation=1) is stored
