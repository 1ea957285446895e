import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import embedded_stack, free_offset
from tiffin.errors import RefusedError
from tiffin.home import TiffinHome
from tiffin.stack.preflight import check_disk, check_folder, check_ports, is_free


@pytest.fixture
def home(tmp_path: Path) -> TiffinHome:
    return embedded_stack(tmp_path, free_offset()).home


@pytest.fixture
def listener(home: TiffinHome) -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", home.port("mlflow"))) as server:
        yield server


def test_all_ports_free_is_fine(home: TiffinHome):
    check_ports(home)


def test_names_the_port_its_holder_and_the_setting(home: TiffinHome, listener: socket.socket):
    port = home.port("mlflow")
    assert not is_free(port)
    with pytest.raises(RefusedError) as refusal:
        check_ports(home)
    assert refusal.value.code == "port-taken"
    said = refusal.value.message
    assert f"port {port} (mlflow) is held by process {os.getpid()}" in said
    assert "TIFFIN_PORT_MLFLOW or TIFFIN_PORT_OFFSET" in said


def test_a_home_below_a_file_is_refused(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(RefusedError, match="set TIFFIN_HOME") as refusal:
        check_folder(tmp_path / "file" / "home")
    assert refusal.value.code == "folder-not-writable"


def test_a_disk_with_less_room_than_the_stack_needs_is_refused(tmp_path: Path):
    check_disk(tmp_path)
    with pytest.raises(RefusedError, match="MB are free on the disk of") as refusal:
        check_disk(tmp_path, needed=10**18)
    assert refusal.value.code == "disk-full"
