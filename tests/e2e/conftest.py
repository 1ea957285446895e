"""One stack and one training for all stories."""

from __future__ import annotations

import pytest

from tests.conftest import EmbeddedStack
from tests.e2e.delivery import Delivery, prepare


@pytest.fixture(scope="session")
def delivery(stack: EmbeddedStack) -> Delivery:
    return prepare(stack, "v1", "v2", "v3")
