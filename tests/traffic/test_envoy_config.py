from __future__ import annotations

import pytest

from tiffin.errors import RefusedError
from tiffin.traffic import envoy_config
from tiffin.traffic.envoy_validation import validate
from tiffin.traffic.split import WHOLE, Backend, Endpoint, Split

STABLE = Backend("v1", Endpoint("127.0.0.1", 21001), WHOLE)
CANDIDATE = Backend("v2", Endpoint("127.0.0.1", 21002), 1_000)
SPLIT = Split("iris", 9001, (STABLE,), "v1").shifted(CANDIDATE)


def by_name(split):
    return {cluster["name"]: cluster for cluster in envoy_config.clusters(split)}


def weights(split):
    routes = envoy_config.route_config(split)["virtual_hosts"][0]["routes"]
    clusters = routes[-1]["route"]["weighted_clusters"]["clusters"]
    return {cluster["name"]: cluster["weight"] for cluster in clusters}


def tried_in_turn(split, cluster):
    return by_name(split)[cluster]["cluster_type"]["typed_config"]["clusters"]


def test_only_revisions_with_a_second_choice_have_a_resilient_cluster():
    assert set(by_name(SPLIT)) == {"iris@v1", "iris@v2", "iris@v2-ha"}
    assert tried_in_turn(SPLIT, "iris@v2-ha") == ["iris@v2", "iris@v1"]


def test_a_promotion_leaves_the_clusters_that_carry_traffic_untouched():
    before, after = by_name(SPLIT), by_name(SPLIT.promoted("v2"))
    for name in ("iris@v1", "iris@v2", "iris@v2-ha"):
        assert before[name] == after[name]


def test_weights_go_to_the_resilient_cluster_where_there_is_one():
    assert weights(SPLIT) == {"iris@v1": 9_000, "iris@v2-ha": 1_000}
    assert weights(SPLIT.promoted("v2")) == {"iris@v2-ha": WHOLE}
    assert weights(SPLIT.promoted("v2").without("v1")) == {"iris@v2": WHOLE}


def test_the_replaced_revision_rescues_and_a_bad_one_never_does():
    assert SPLIT.promoted("v2").promoted("v2").second_choice("v2") == "v1"
    assert SPLIT.back_on("v1").second_choice("v1") is None
    assert SPLIT.promoted("v2").back_on("v1").second_choice("v1") is None


def test_equal_content_is_equal_version_and_a_changed_weight_is_another():
    def version(split):
        return envoy_config.discovery([envoy_config.route_config(split)])["version_info"]

    assert version(SPLIT) == version(SPLIT)
    moved = Backend("v2", CANDIDATE.endpoint, 1_001)
    assert version(SPLIT) != version(SPLIT.shifted(moved))


def test_envoy_accepts_every_feature_at_once():
    validate(Split("iris", 9001, SPLIT.backends, "v1", sticky_header="x-user"))


def test_envoy_refuses_what_is_no_header():
    with pytest.raises(RefusedError, match="invalid"):
        validate(Split("iris", 9001, SPLIT.backends, "v1", sticky_header="bad\nheader"))
