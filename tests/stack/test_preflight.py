import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import embedded_stack, free_offset
from tiffin.errors import RefusedError
from tiffin.home import TiffinHome
from tiffin.ports import is_free
from tiffin.stack.preflight import check_disk, check_folder, check_ports
from tiffin.stack.processes import STACK_VARIABLE
from tiffin.traffic.fencing import StoredRoute
from tiffin.traffic.route_store import RouteStore
from tiffin.traffic.split import WHOLE, Backend, Endpoint, Split


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


@pytest.fixture
def service_port(home: TiffinHome) -> int:
    """The port of a service that was deployed here before."""
    port = home.port("revisions") + 1
    split = Split("iris", port, (Backend("v1", Endpoint("127.0.0.1", 1), WHOLE),), "v1")
    RouteStore(home.folder("gateway")).save("iris", StoredRoute("r1", 1, split))
    return port


LISTENER = """
import socket, sys
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
server.bind(("127.0.0.1", int(sys.argv[1])))
server.listen()
print("listening", flush=True)
sys.stdin.read()
"""


@contextmanager
def sharing(port: int, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Let another process listen on a port, in the way that lets others listen there too."""
    command = [sys.executable, "-c", LISTENER, str(port)]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "listening\n"
        yield process


def test_a_service_port_that_a_stranger_would_share_is_refused(home: TiffinHome, service_port: int):
    check_ports(home)
    with sharing(service_port) as stranger, pytest.raises(RefusedError) as refusal:
        check_ports(home)
    assert refusal.value.code == "service-port-taken"
    assert f"port {service_port} of iris is held by process {stranger.pid}" in str(refusal.value)


def test_a_service_port_that_the_stack_itself_holds_is_fine_unless_a_stranger_shares_it(
    home: TiffinHome, service_port: int
):
    ours = {STACK_VARIABLE: str(home.path)}
    with sharing(service_port, **ours), sharing(service_port, **ours):
        check_ports(home)
        with sharing(service_port) as stranger, pytest.raises(RefusedError) as refusal:
            check_ports(home)
    assert f"process {stranger.pid}" in str(refusal.value)


def test_two_parts_with_one_port_are_refused(home: TiffinHome):
    home.settings["gateway-admin-2"] = home.port("gateway-admin")
    with pytest.raises(RefusedError, match="have the same port") as refusal:
        check_ports(home)
    assert refusal.value.code == "bad-setting"


def test_a_home_of_an_earlier_version_gets_the_ports_that_are_new(home: TiffinHome):
    remembered = {name: home.settings[name] for name in ("offset", "airflow", "mlflow")}
    (home.path / "settings.json").write_text(json.dumps({**remembered, "mlflow": 5555}))
    settings = TiffinHome(home.path).settings
    assert settings == {**home.settings, "mlflow": 5555}


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
