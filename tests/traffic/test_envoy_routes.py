from __future__ import annotations

import re

import pytest

from tests.traffic.splits import SPLIT
from tiffin.traffic.envoy_routes import EXPLAIN_PATH, route_config
from tiffin.traffic.split import WHOLE, Split, Timeouts


def routes(split):
    return route_config(split)["virtual_hosts"][0]["routes"]


def explanations(split):
    return [route for route in routes(split) if "safe_regex" in route["match"]]


def weights_of(route):
    clusters = route["route"]["weighted_clusters"]["clusters"]
    return {cluster["name"]: cluster["weight"] for cluster in clusters}


def weights(split):
    return weights_of(routes(split)[-1])


def test_weights_go_to_the_resilient_cluster_where_there_is_one():
    assert weights(SPLIT) == {"iris@v1": 9_000, "iris@v2-ha": 1_000}
    assert weights(SPLIT.promoted("v2")) == {"iris@v2-ha": WHOLE}
    assert weights(SPLIT.promoted("v2").without("v1")) == {"iris@v2": WHOLE}


def test_explanations_are_split_and_pinned_as_predictions_are():
    split = Split("iris", 9001, SPLIT.backends, "v1", sticky_header="x-user")
    *pinned, weighted = explanations(split)
    assert [route["route"]["cluster"] for route in pinned] == ["iris_explain@v1", "iris_explain@v2"]
    assert [route["match"]["headers"] for route in pinned] == [
        route["match"]["headers"] for route in routes(split)[2:4]
    ]
    assert weights_of(weighted) == {"iris_explain@v1": 9_000, "iris_explain@v2": 1_000}
    for key in ("hash_policy", "use_hash_policy"):
        assert (key in str(weighted)) is (key in str(routes(split)[-1])) is True


def test_an_explanation_has_35_seconds_and_one_try():
    for route in explanations(SPLIT):
        assert route["route"]["timeout"] == "35.000s"
        assert "retry_policy" not in route["route"]


def test_a_service_that_waits_longer_for_predictions_waits_so_long_for_explanations():
    patient = Split("iris", 9001, SPLIT.backends, "v1", timeouts=Timeouts(60, 50))
    assert {route["route"]["timeout"] for route in explanations(patient)} == {"60.000s"}


@pytest.mark.parametrize(
    ("path", "is_one"),
    [
        ("/explain", True),
        ("/credit-risk/explain", True),
        ("/explain/predict", False),  # a model called explain
        ("/explainer/predict", False),
        ("/a/b/explain", False),
        ("//explain", False),
    ],
)
def test_only_the_paths_of_explanations_are_theirs(path, is_one):
    assert bool(re.fullmatch(EXPLAIN_PATH, path)) is is_one
