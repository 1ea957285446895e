"""The two Envoys under a supervisor; nothing else of the stack runs here."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from tests.traffic.rig import Gateway, ask, free_port, go_live, split_of, wait_until
from tiffin.home import ENVOYS, TiffinHome
from tiffin.platform import embedded_platform
from tiffin.stack import lifecycle
from tiffin.stack.programs import FORMER
from tiffin.stack.supervisor import Program, ProgramState, Supervisor
from tiffin.traffic.split import WHOLE, Split

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def home(supervised_home: TiffinHome) -> TiffinHome:
    lifecycle.start_gateway(supervised_home)
    return supervised_home


@pytest.fixture(scope="module")
def split(supervised_home: TiffinHome) -> Iterator[Split]:
    """A route to a server that answers, stored as if a release had been promoted."""
    elsewhere = Gateway(supervised_home.folder("upstreams"))
    lifecycle.start_gateway(supervised_home)
    split = split_of((elsewhere.upstream("v1"), WHOLE), port=free_port())
    go_live(embedded_platform(supervised_home).router, split)
    yield split
    elsewhere.close()


def pids(home: TiffinHome) -> dict[str, int]:
    return {name: Supervisor(home).state(name).pid for name in ENVOYS}


def is_live(url: str) -> bool:
    try:
        return httpx.get(f"{url}/ready", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


@contextmanager
def watched(look: Callable[[], bool]) -> Iterator[list[bool]]:
    """Look again and again while a block runs, each time from scratch."""
    seen: list[bool] = []
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.wait(0.01):
            seen.append(look())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        is_over.set()
        watcher.join()


def test_both_run_and_status_names_them(home: TiffinHome):
    parts = {part.name: part for part in lifecycle.status(home)}
    assert [name for name in parts if name in ENVOYS] == ["envoy-1", "envoy-2"]
    assert all(parts[name].is_ready for name in ENVOYS)
    assert all(Supervisor(home).log(name).exists() for name in ENVOYS)


def test_started_again_they_keep_their_processes(home: TiffinHome):
    before = pids(home)
    lifecycle.start_gateway(home)
    assert pids(home) == before


@pytest.mark.parametrize("name", ENVOYS)
def test_a_killed_one_comes_back_and_the_service_answers_all_the_time(
    home: TiffinHome, split: Split, name: str
):
    killed = pids(home)[name]
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{killed}").exists(), "it is dead")
    with watched(lambda: ask(split.port).status == 200) as answers:
        wait_until(lambda: pids(home)[name] not in (0, killed), "it was started again")
        lifecycle.wait_until_ready(home, (name,), 60)
    assert len(answers) > 2
    assert all(answers)


def test_a_change_replaces_them_one_after_the_other(
    home: TiffinHome, monkeypatch: pytest.MonkeyPatch
):
    def changed(home: TiffinHome, name: str, bootstrap: Path) -> Program:
        program = lifecycle_program(home, name, bootstrap)
        return replace(program, environment={**program.environment, "CHANGED": str(time.time())})

    lifecycle_program = lifecycle.envoy_program
    monkeypatch.setattr(lifecycle, "envoy_program", changed)
    before = pids(home)
    with watched(lambda: any(map(is_live, home.envoy_urls))) as live:
        lifecycle.start_gateway(home)
    assert not set(before.values()) & set(pids(home).values())
    assert len(live) > 2
    assert all(live)


def test_what_an_earlier_version_ran_in_their_place_is_gone(home: TiffinHome):
    (former,) = FORMER
    Supervisor(home).ensure_program(Program(former, ("sleep", "600")))
    lifecycle.start_gateway(home)
    assert Supervisor(home).state(former).state is ProgramState.ABSENT
