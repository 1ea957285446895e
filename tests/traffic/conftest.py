from __future__ import annotations

import pytest

from tests.traffic.rig import Gateway, free_port


@pytest.fixture
def gateway(tmp_path):
    gateway = Gateway(tmp_path / "gateway")
    gateway.folder.mkdir()
    gateway.start()
    yield gateway
    gateway.close()


@pytest.fixture
def port():
    return free_port()
