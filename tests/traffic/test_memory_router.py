from __future__ import annotations

import pytest

from tests.contracts.router import RouterContract
from tiffin.traffic.memory_router import MemoryRouter
from tiffin.traffic.split import Backend, Endpoint


class TestMemoryRouter(RouterContract):
    @pytest.fixture
    def port(self):
        return 9001

    @pytest.fixture
    def other_port(self):
        return 9002

    @pytest.fixture
    def router(self):
        return MemoryRouter()

    @pytest.fixture
    def stable(self):
        return lambda weight: Backend("v1", Endpoint("127.0.0.1", 21001), weight)

    @pytest.fixture
    def candidate(self):
        return lambda weight: Backend("v2", Endpoint("127.0.0.1", 21002), weight)
