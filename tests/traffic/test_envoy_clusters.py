from __future__ import annotations

import pytest

from tests.traffic.splits import SPLIT
from tiffin.traffic.envoy_clusters import clusters, service_of


def by_name(split):
    return {cluster["name"]: cluster for cluster in clusters(split)}


def tried_in_turn(split, cluster):
    return by_name(split)[cluster]["cluster_type"]["typed_config"]["clusters"]


def test_only_revisions_with_a_second_choice_have_a_resilient_cluster():
    assert set(by_name(SPLIT)) == {
        *("iris@v1", "iris@v2", "iris@v2-ha"),
        *("iris_explain@v1", "iris_explain@v2"),
    }
    assert tried_in_turn(SPLIT, "iris@v2-ha") == ["iris@v2", "iris@v1"]


def test_a_promotion_leaves_the_clusters_that_carry_traffic_untouched():
    before, after = by_name(SPLIT), by_name(SPLIT.promoted("v2"))
    for name in before:
        assert before[name] == after[name]


def test_the_replaced_revision_rescues_and_a_bad_one_never_does():
    assert SPLIT.promoted("v2").promoted("v2").second_choice("v2") == "v1"
    assert SPLIT.back_on("v1").second_choice("v1") is None
    assert SPLIT.promoted("v2").back_on("v1").second_choice("v1") is None


def test_failed_explanations_neither_eject_a_revision_nor_count_by_its_endpoint():
    explaining = by_name(SPLIT)["iris_explain@v2"]
    assert not {"outlier_detection", "track_cluster_stats", "health_checks"} & set(explaining)


@pytest.mark.parametrize("cluster", ["iris@v1", "iris@v1-ha", "iris_explain@v1"])
def test_each_cluster_names_its_service(cluster):
    assert service_of(cluster) == "iris"
