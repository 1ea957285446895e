from __future__ import annotations

import pytest

from tests.contracts.router import RouterContract
from tests.traffic.rig import Gateway, free_port


@pytest.fixture(scope="module")
def upstreams(tmp_path_factory):
    gateway = Gateway(tmp_path_factory.mktemp("upstreams"))
    yield gateway.upstream("v1"), gateway.upstream("v2")
    gateway.close()


class TestEnvoyRouterContract(RouterContract):
    @pytest.fixture
    def router(self, gateway):
        return gateway.router()

    @pytest.fixture
    def other_port(self):
        return free_port()

    @pytest.fixture
    def stable(self, upstreams):
        return upstreams[0].backend

    @pytest.fixture
    def candidate(self, upstreams):
        return upstreams[1].backend
