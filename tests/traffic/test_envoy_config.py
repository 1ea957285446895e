from __future__ import annotations

from tests.traffic.splits import CANDIDATE, SPLIT
from tiffin.traffic.envoy_config import discovery
from tiffin.traffic.envoy_routes import route_config
from tiffin.traffic.split import Backend


def test_equal_content_is_equal_version_and_a_changed_weight_is_another():
    def version(split):
        return discovery([route_config(split)])["version_info"]

    assert version(SPLIT) == version(SPLIT)
    moved = Backend("v2", CANDIDATE.endpoint, 1_001)
    assert version(SPLIT) != version(SPLIT.shifted(moved))
