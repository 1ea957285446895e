"""Explanations through a real gateway: their own patience, and nothing of theirs is judged."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
import requests

from tests.serving.served_models import ServedModels
from tests.traffic.rig import ask, go_live, split_of
from tiffin.traffic.split import WHOLE, Backend, Endpoint, Split, Timeouts

HOUSE = {
    **{"neighborhood": "North_Ames", "house_style": "One_Story", "bldg_type": "OneFam"},
    **{"overall_cond": "Average", "year_built": 1960, "lot_area": 10000, "gr_liv_area": 1200},
    **{"total_bsmt_sf": 1000, "full_bath": 1, "bedroom_abvgr": 3, "garage_cars": 2},
}


@pytest.fixture
def upstreams(gateway, port):
    stable, candidate = gateway.upstream("v1"), gateway.upstream("v2")
    split = split_of((stable, WHOLE), (candidate, 0), port=port, timeouts=Timeouts(0.6, 0.3))
    go_live(gateway.router(), split)
    return {"v1": stable, "v2": candidate}


def explain(port, revision, path="/explain"):
    return ask(port, path, {"x-tiffin-revision": revision})


@pytest.mark.parametrize("path", ["/explain", "/iris/explain"])
def test_a_failed_explanation_is_tried_once_and_counted_for_nobody(gateway, port, upstreams, path):
    upstreams["v2"].become("error")
    answers = [explain(port, "v2", path) for _ in range(10)]
    assert {(answer.status, answer.revision) for answer in answers} == {(500, "v2")}
    assert gateway.requests("iris") == 0
    upstreams["v2"].become("ok")
    assert ask(port, headers={"x-tiffin-revision": "v2"}).revision == "v2"  # it wasn't ejected
    assert gateway.requests("iris") == 1


def test_an_explanation_may_take_longer_than_a_prediction(port, upstreams):
    upstreams["v1"].become("slow")
    assert ask(port).status == 504
    answer = explain(port, "v1")
    assert (answer.status, answer.revision) == (200, "v1")


def test_unpinned_explanations_go_where_predictions_go(gateway, port, upstreams):
    assert {ask(port, "/explain").revision for _ in range(5)} == {"v1"}
    split = gateway.router().read("iris").split
    gateway.router().write(split.promoted("v2"), release="r1", previous="v1")
    assert {ask(port, "/explain").revision for _ in range(5)} == {"v2"}


@pytest.mark.timeout(400)
def test_a_real_model_server_explains_behind_the_gateway(gateway, port, served: ServedModels):
    at = urlsplit(served.server("house-prices:v1").url)
    backend = Backend("v7-test", Endpoint(at.hostname, at.port), WHOLE)
    go_live(gateway.router(), Split("house-prices", port, (backend,), "v7-test"))
    body = {"input_data": {"features": [HOUSE]}}
    requests.post(f"{at.geturl()}/explain", json=body, timeout=300)  # its process starts now
    url, mine = f"http://127.0.0.1:{port}/explain", {"x-request-id": "my-own-id"}
    answer = requests.post(url, json=body, headers=mine, timeout=60)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-tiffin-revision"] == "v7-test"
    assert answer.headers["x-request-id"] == "my-own-id"
    assert set(answer.json()["contributions"][0]) == set(HOUSE)
    assert gateway.requests("house-prices") == 0
