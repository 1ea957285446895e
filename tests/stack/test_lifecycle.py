"""The real stack: what is killed comes back, and `up` mends the rest."""

import json
import os
import signal
import time

import httpx
import psutil
import pytest

from tests.conftest import EmbeddedStack, embedded_stack, free_offset
from tiffin.cli.exit_codes import REFUSED, UNAVAILABLE
from tiffin.stack.airflow_metadata import password_of
from tiffin.stack.lifecycle import status, wait_until_ready
from tiffin.stack.processes import stack_processes
from tiffin.stack.programs import STACK
from tiffin.stack.registry_webhook import EVENTS
from tiffin.stack.supervisor import Supervisor

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]


def token_of(stack: EmbeddedStack, user: str) -> str:
    answer = httpx.post(
        f"{stack.home.url('airflow')}/auth/token",
        json={"username": user, "password": password_of(stack.home, user)},
    )
    return str(answer.json()["access_token"])


def webhooks(stack: EmbeddedStack) -> list[dict[str, object]]:
    answer = httpx.get(f"{stack.home.url('mlflow')}/api/2.0/mlflow/webhooks?max_results=100")
    return list(answer.json()["webhooks"])


def test_up_on_a_running_stack_says_so_and_where_to_log_in(stack: EmbeddedStack):
    again = stack.tiffin("up")
    assert again.returncode == 0, again.stderr
    assert "The stack is up already" in again.stdout
    assert stack.home.url("airflow") in again.stdout
    assert password_of(stack.home, "admin") in again.stdout


def test_status_shows_every_part_ready(stack: EmbeddedStack):
    shown = stack.tiffin("status", "--json")
    assert shown.returncode == 0, shown.stdout
    parts = json.loads(shown.stdout)["components"]
    ready = [part["name"] for part in parts if part["is_ready"]]
    assert [name for name in ready if name in STACK] == list(STACK)


def test_logs_print_what_a_part_wrote_and_an_unknown_name_is_one_sentence(stack: EmbeddedStack):
    assert "ready to accept connections" in stack.tiffin("logs", "postgres").stdout
    unknown = stack.tiffin("logs", "postgress")
    assert unknown.returncode == REFUSED
    assert unknown.stderr.count("\n") == 1
    assert "[unknown-log]" in unknown.stderr


def test_nobody_enters_airflow_without_a_password(stack: EmbeddedStack):
    dags = f"{stack.home.url('airflow')}/api/v2/dags"
    assert httpx.get(dags).status_code == 401
    bearer = {"Authorization": f"Bearer {token_of(stack, 'view')}"}
    assert httpx.get(dags, headers=bearer).status_code == 200


def test_the_registry_calls_us_about_aliases_and_tags_once(stack: EmbeddedStack):
    (hook,) = [hook for hook in webhooks(stack) if hook["name"] == "tiffin"]
    assert hook["url"] == f"{stack.home.url('airflow')}/tiffin/webhooks/mlflow"
    assert len(hook["events"]) == len(EVENTS)


def test_everything_listens_on_loopback_only(stack: EmbeddedStack):
    ours = {process.pid for process in stack_processes(stack.home.path)}
    hosts = {
        connection.laddr.ip
        for connection in psutil.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.pid in ours
    }
    assert hosts == {"127.0.0.1"}


def test_each_killed_part_comes_back_by_itself(stack: EmbeddedStack):
    before = {part.name: part.pid for part in status(stack.home) if part.name in STACK}
    for pid in before.values():
        os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while any(part.pid in (0, before.get(part.name)) for part in status(stack.home)):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    wait_until_ready(stack.home, STACK, 120)


def test_up_after_everything_was_killed_serves_again(stack: EmbeddedStack):
    for process in stack_processes(stack.home.path):
        process.kill()
    assert stack.tiffin("status").returncode == UNAVAILABLE
    again = stack.tiffin("up")
    assert again.returncode == 0, again.stderr
    assert all(part.is_ready for part in status(stack.home))
    assert len([hook for hook in webhooks(stack) if hook["name"] == "tiffin"]) == 1


def test_up_mends_what_is_missing_and_leaves_the_rest(stack: EmbeddedStack):
    before = {part.name: part.pid for part in status(stack.home)}
    Supervisor(stack.home).ensure_gone("mlflow")
    assert stack.tiffin("up").returncode == 0
    after = {part.name: part.pid for part in status(stack.home)}
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"mlflow"}


def test_a_port_that_another_stack_holds_is_refused_in_one_sentence(
    stack: EmbeddedStack, tmp_path_factory: pytest.TempPathFactory
):
    other = embedded_stack(tmp_path_factory.mktemp("other"), free_offset())
    settings = {**other.home.settings, "mlflow": stack.home.port("mlflow")}
    (other.home.path / "settings.json").write_text(json.dumps(settings))
    refused = other.tiffin("up")
    assert refused.returncode == REFUSED
    assert refused.stderr.count("\n") == 1
    assert "[port-taken]" in refused.stderr
    assert stack_processes(other.home.path) == []


def test_down_leaves_no_process_and_what_was_stored_comes_up_again(stack: EmbeddedStack):
    experiments = f"{stack.home.url('mlflow')}/api/2.0/mlflow/experiments"
    httpx.post(f"{experiments}/create", json={"name": "kept"}).raise_for_status()
    assert stack.tiffin("down").returncode == 0
    assert stack_processes(stack.home.path) == []
    assert stack.tiffin("down").returncode == 0
    assert stack.tiffin("up").returncode == 0
    found = httpx.get(f"{experiments}/get-by-name", params={"experiment_name": "kept"})
    assert found.status_code == 200
