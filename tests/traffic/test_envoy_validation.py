from __future__ import annotations

import pytest

from tests.traffic.splits import SPLIT
from tiffin.errors import RefusedError
from tiffin.traffic.envoy_validation import validate
from tiffin.traffic.split import Split


def test_envoy_accepts_every_feature_at_once():
    validate(Split("iris", 9001, SPLIT.backends, "v1", sticky_header="x-user"))


def test_envoy_refuses_what_is_no_header():
    with pytest.raises(RefusedError, match="invalid"):
        validate(Split("iris", 9001, SPLIT.backends, "v1", sticky_header="bad\nheader"))
