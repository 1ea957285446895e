"""`tiffin up`, `down` and `status`: the order in which the stack starts, stops and is looked at."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
from filelock import FileLock, Timeout

from tiffin.errors import UnavailableError
from tiffin.home import ENVOYS, TiffinHome
from tiffin.release.records import Records
from tiffin.stack.airflow_metadata import ensure_migrated, ensure_users, unready_components
from tiffin.stack.daemon import end_supervisord, ensure_supervisord
from tiffin.stack.postgres import (
    database_url,
    ensure_cluster,
    ensure_databases,
    is_answering,
    postgres_program,
)
from tiffin.stack.preflight import check_disk, check_folder, check_ports
from tiffin.stack.programs import (
    AIRFLOW,
    FORMER,
    STACK,
    airflow_programs,
    envoy_program,
    mlflow_program,
)
from tiffin.stack.registry_webhook import ensure_registry_webhook
from tiffin.stack.supervisor import ProgramState, ProgramStatus, Supervisor

Report = Callable[[str, float], None]
"""Called with the name of each step that is done and the seconds it took."""

READY_WITHIN_S = 240.0


@dataclass(frozen=True)
class Component:
    """One look at a part of the stack: running and answering, or why not."""

    name: str
    state: str
    is_ready: bool
    pid: int
    seconds: float
    reason: str = ""


def up(home: TiffinHome, report: Report) -> bool:
    """Bring the stack up, or mend what is missing; return False when nothing was to be done.

    Each step converges, so `up` after a crash, a kill or a half-done `up` ends in the same place.
    """
    check_folder(home.path)
    check_disk(home.path)
    home.remember_settings()
    with _alone(home):
        was_up = Supervisor(home).is_running() and all(part.is_ready for part in status(home))
        if was_up:
            return False
        check_ports(home)
        with _step("supervisor", report):
            _start_supervisor(home)
        with _step("gateway", report):
            start_gateway(home)
        with _step("postgres", report):
            _start_postgres(home)
        _start_mlflow_and_airflow(home, report)
    return True


def down(home: TiffinHome) -> int:
    """Stop everything, in order, and leave no process; return how many programs there were."""
    if not home.path.exists():
        return 0
    with _alone(home):
        supervisor = Supervisor(home)
        names = [program.name for program in _programs(supervisor)]
        if names:
            supervisor.ensure_stopped(*(name for name in names if name in AIRFLOW))
            supervisor.ensure_stopped(*(name for name in names if name != "postgres"))
        end_supervisord(home)
    return len(names)


def status(home: TiffinHome) -> tuple[Component, ...]:
    """Look at every part of the stack, and at the revisions that run on it."""
    programs = {program.name: program for program in _programs(Supervisor(home))}
    unready = _unready(home, programs)
    others = sorted(set(programs) - set(STACK))
    return tuple(_component(name, programs.get(name), unready) for name in (*STACK, *others))


def start_gateway(home: TiffinHome) -> None:
    """Run both Envoys, one after the other: while a change replaces one, the other answers."""
    from tiffin.traffic.gateway_files import ensure_gateway_files

    supervisor = Supervisor(home)
    for former in FORMER:
        supervisor.ensure_gone(former)
    admin_ports = {name: home.port(port) for name, port in ENVOYS.items()}
    bootstraps = ensure_gateway_files(home.folder("gateway"), admin_ports)
    for name, bootstrap in bootstraps.items():
        supervisor.ensure_program(envoy_program(home, name, bootstrap))
        wait_until_ready(home, (name,), READY_WITHIN_S)


def wait_until_ready(home: TiffinHome, names: tuple[str, ...], timeout_s: float) -> None:
    """Wait until parts of the stack answer; raise UnavailableError naming those that don't."""
    deadline = time.monotonic() + timeout_s
    while missing := [part for part in status(home) if part.name in names and not part.is_ready]:
        if time.monotonic() > deadline:
            first = missing[0]
            raise UnavailableError(
                f"{first.name} is not ready after {timeout_s:.0f} s ({first.reason});"
                f" see `tiffin logs {first.name}`",
                code="stack-not-ready",
            )
        time.sleep(0.25)


def _start_supervisor(home: TiffinHome) -> None:
    """The stack's own programs start in order below; only revisions start at once."""
    supervisor = Supervisor(home)
    if not supervisor.is_running():
        for name in (*STACK, *FORMER):
            (supervisor.programs_folder / f"{name}.conf").unlink(missing_ok=True)
    ensure_supervisord(home)


def _start_postgres(home: TiffinHome) -> None:
    ensure_cluster(home)
    Supervisor(home).ensure_program(postgres_program(home))
    ensure_databases(home)
    Records(database_url(home, "tiffin")).ensure_schema()


def _start_mlflow_and_airflow(home: TiffinHome, report: Report) -> None:
    """Both at once: MLflow needs nothing of Airflow, and each spends long on imports."""
    with ThreadPoolExecutor(max_workers=2) as both:
        mlflow = both.submit(_start_mlflow, home, report)
        airflow = both.submit(_start_airflow, home, report)
        mlflow.result()
        airflow.result()
    with _step("registry webhook", report):
        ensure_registry_webhook(home)
    wait_until_ready(home, STACK, READY_WITHIN_S)


def _start_mlflow(home: TiffinHome, report: Report) -> None:
    with _step("mlflow", report):
        Supervisor(home).ensure_program(mlflow_program(home))
        wait_until_ready(home, ("mlflow",), READY_WITHIN_S)


def _start_airflow(home: TiffinHome, report: Report) -> None:
    ensure_users(home)
    with _step("airflow database", report):
        ensure_migrated(home)
    with _step("airflow", report):
        for program in airflow_programs(home):
            Supervisor(home).ensure_program(program)
        wait_until_ready(home, AIRFLOW, READY_WITHIN_S)


def _programs(supervisor: Supervisor) -> tuple[ProgramStatus, ...]:
    return supervisor.programs() if supervisor.is_running() else ()


def _unready(home: TiffinHome, programs: dict[str, ProgramStatus]) -> dict[str, str]:
    """Return the parts that run but don't answer; each is asked only when it runs."""
    unready: dict[str, str] = {}
    if "postgres" in programs and not is_answering(home):
        unready["postgres"] = "takes no connection"
    if "mlflow" in programs and not _answers(f"{home.url('mlflow')}/health"):
        unready["mlflow"] = "does not answer yet"
    for name, port in ENVOYS.items():
        if name in programs and not _answers(f"{home.url(port)}/ready"):
            unready[name] = "is not live yet"
    if set(AIRFLOW) & set(programs):
        unready.update(unready_components(home))
    return unready


def _component(name: str, program: ProgramStatus | None, unready: dict[str, str]) -> Component:
    if program is None:
        return Component(name, ProgramState.ABSENT, False, 0, 0.0, "is not running")
    alive = program.state in (ProgramState.STARTING, ProgramState.RUNNING)
    reason = unready.get(name, "" if alive else "keeps exiting")
    seconds = time.time() - program.started_at if alive else 0.0
    return Component(name, program.state, alive and not reason, program.pid, seconds, reason)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5, trust_env=False).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


@contextmanager
def _alone(home: TiffinHome) -> Iterator[None]:
    """Let one `up` or `down` work at a time; the second waits for the first."""
    try:
        with FileLock(home.path / "up.lock", timeout=READY_WITHIN_S * 2):
            yield
    except Timeout as error:
        raise UnavailableError(
            f"another `tiffin up` or `tiffin down` is at work in {home.path}; try again",
            code="stack-busy",
        ) from error


@contextmanager
def _step(name: str, report: Report) -> Iterator[None]:
    began = time.monotonic()
    yield
    report(name, time.monotonic() - began)
