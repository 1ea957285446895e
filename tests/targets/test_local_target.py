import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import psutil
import pytest

from tests.contracts.target import (
    OTHER,
    REVISION,
    TargetContract,
    TargetUnderTest,
    wait_for,
)
from tiffin.home import TiffinHome
from tiffin.stack.daemon import end_supervisord, ensure_supervisord
from tiffin.stack.processes import program_processes
from tiffin.stack.supervisor import ProgramState, ProgramStatus, Supervisor
from tiffin.targets.local_target import (
    LocalTarget,
    RevisionRecord,
    bentoml_command,
    judge,
    threads_of,
)
from tiffin.targets.target import Resources, Revision, RevisionState
from tiffin.traffic.envoy_routes import EXPLAIN_S

PROGRAM = f"revision.{REVISION.service}.{REVISION.name}"


def tiny_server(revision: Revision, port: int) -> tuple[str, ...]:
    server = Path(__file__).with_name("answering_server.py")
    return sys.executable, str(server), revision.bento, str(port)


@pytest.fixture
def local(supervised_home: TiffinHome) -> Iterator[LocalTarget]:
    local = LocalTarget(supervised_home, Supervisor(supervised_home), tiny_server)
    yield local
    for service in ("credit-risk", "house-prices"):
        for status in local.revisions(service):
            local.ensure_retired(service, status.name)


class TestLocalTarget(TargetContract):
    @pytest.fixture
    def subject(self, local: LocalTarget) -> TargetUnderTest:
        return TargetUnderTest(local, too_much_mib=100_000_000)


def test_a_killed_revision_comes_back_at_the_same_endpoint(
    local: LocalTarget, supervised_home: TiffinHome
):
    local.ensure_started(REVISION)
    before = wait_for(local, REVISION, RevisionState.READY)
    killed = Supervisor(supervised_home).state(PROGRAM).pid
    os.kill(killed, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(killed)] if psutil.pid_exists(killed) else [], timeout=5)
    assert wait_for(local, REVISION, RevisionState.READY).endpoint == before.endpoint
    assert Supervisor(supervised_home).state(PROGRAM).pid != killed


def test_revisions_come_back_with_the_supervisor_at_their_endpoints(
    local: LocalTarget, supervised_home: TiffinHome
):
    for revision in (REVISION, OTHER):
        local.ensure_started(revision)
    before = [wait_for(local, each, RevisionState.READY).endpoint for each in (REVISION, OTHER)]
    end_supervisord(supervised_home)
    ensure_supervisord(supervised_home)
    after = [wait_for(local, each, RevisionState.READY).endpoint for each in (REVISION, OTHER)]
    assert after == before


def test_the_process_knows_which_revision_it_is_and_how_to_serve(local: LocalTarget):
    wide = replace(REVISION, resources=replace(REVISION.resources, workers=3))
    local.ensure_started(wide)
    endpoint = wait_for(local, wide, RevisionState.READY).endpoint
    said = httpx.get(f"http://{endpoint}/readyz", trust_env=False).json()
    assert said == {
        "TIFFIN_SERVICE": "credit-risk",
        "TIFFIN_REVISION": "v7-1a2b3c4d",
        "TIFFIN_MODEL_VERSION": "7",
        "TIFFIN_WORKERS": "3",
        "TIFFIN_DRAIN_SECONDS": "3",
        "OMP_NUM_THREADS": "1",
    }


def test_fails_with_the_last_line_it_printed_when_its_process_keeps_exiting(local: LocalTarget):
    broken = replace(REVISION, bento="broken")
    local.ensure_started(broken)
    failed = wait_for(local, broken, RevisionState.FAILED)
    assert failed.reason.endswith("ValueError: the model file is truncated")


def test_the_port_of_a_revision_that_is_down_is_not_given_away(local: LocalTarget):
    down = local.ensure_started(replace(REVISION, bento="broken"))
    assert local.ensure_started(OTHER).endpoint != down.endpoint


def test_no_process_is_left_of_a_retired_revision(local: LocalTarget, supervised_home: TiffinHome):
    local.ensure_started(REVISION)
    wait_for(local, REVISION, RevisionState.READY)
    local.ensure_retired(REVISION.service, REVISION.name)
    assert program_processes(supervised_home.path, PROGRAM) == []


def test_a_record_survives_being_stored():
    record = RevisionRecord(REVISION, 21_003)
    assert RevisionRecord.from_json(record.to_json()) == record


def test_a_bento_is_served_on_loopback():
    command = bentoml_command(REVISION, 21_000)
    assert command[1:] == (
        *("serve", "credit-risk:1a2b3c4d", "--host", "127.0.0.1", "--port", "21000"),
        *("--timeout-graceful-shutdown", "35"),
    )


def test_nothing_in_flight_is_killed_before_the_server_itself_gives_it_up(
    local: LocalTarget, supervised_home: TiffinHome
):
    local.ensure_started(REVISION)
    file = Supervisor(supervised_home).programs_folder / f"{PROGRAM}.json"
    program = json.loads(file.read_text())
    drain_s = float(program["environment"]["TIFFIN_DRAIN_SECONDS"])
    in_flight_s = float(bentoml_command(REVISION, 21_000)[-1])
    assert in_flight_s >= EXPLAIN_S
    assert program["stop_seconds"] > drain_s + in_flight_s


@pytest.mark.parametrize(
    ("cpu", "workers", "threads"), [(0.5, 1, 1), (1, 2, 1), (4, 1, 4), (7.5, 2, 3)]
)
def test_a_worker_computes_with_its_whole_cores(cpu: float, workers: int, threads: int):
    assert threads_of(Resources(cpu=cpu, workers=workers)) == threads


@pytest.mark.parametrize(
    ("state", "launches", "verdict"),
    [
        (ProgramState.EXITED, 1, RevisionState.STARTING),
        (ProgramState.STARTING, 3, RevisionState.STARTING),
        (ProgramState.EXITED, 3, RevisionState.FAILED),
        (ProgramState.STARTING, 4, RevisionState.FAILED),
        (ProgramState.RUNNING, 1, RevisionState.STARTING),
    ],
)
def test_one_exit_is_an_accident_three_are_a_failure(
    state: ProgramState, launches: int, verdict: RevisionState
):
    program = ProgramStatus("p", state, 1, time.time(), launches)
    assert judge(program, is_ready=False)[0] is verdict
