"""Who can be killed, and how its process is found on the embedded stack."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from enum import StrEnum

import psutil

from tests.e2e.delivery import SERVICE, Delivery
from tiffin.home import ENVOYS
from tiffin.release.release import Release
from tiffin.stack.supervisor import Supervisor
from tiffin.targets.local_target import program_name
from tiffin.traffic.envoy_admin import EnvoyAdmin


class Victim(StrEnum):
    """A part of the stack, by the name that FAULTS uses.

    `envoy` is one of the two, the one that callers are connected to; `gateway` is both at once.
    """

    WORKER = "worker"
    SCHEDULER = "scheduler"
    TRIGGERER = "triggerer"
    API_SERVER = "api-server"
    DAG_PROCESSOR = "dag-processor"
    ENVOY = "envoy"
    GATEWAY = "gateway"
    MLFLOW = "mlflow"
    POSTGRES = "postgres"
    CANDIDATE = "candidate"
    STABLE = "stable"
    SUPERVISOR = "supervisor"


_AIRFLOW = {Victim.SCHEDULER, Victim.TRIGGERER, Victim.API_SERVER, Victim.DAG_PROCESSOR}
_IDLE_WORKER = "LocalExecutor: <idle>"


def kill(victim: Victim, delivery: Delivery, release: Release) -> int:
    """`kill -9` the victim; return how many processes died: none where it is still dead.

    A revision dies with its children, as it would by the kernel's hand when memory runs out.
    """
    processes = list(_processes(victim, delivery, release))
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    return len(processes)


def _processes(victim: Victim, delivery: Delivery, release: Release) -> Iterator[psutil.Process]:
    supervisor = Supervisor(delivery.stack.home)
    if victim is Victim.WORKER:
        for scheduler in _alive(supervisor, "airflow-scheduler"):
            yield from _busy_workers(scheduler)
    elif victim is Victim.SUPERVISOR:
        pid_file = delivery.stack.home.run_folder / "supervisord.pid"
        yield psutil.Process(int(pid_file.read_text()))
    elif victim in (Victim.ENVOY, Victim.GATEWAY):
        names = list(ENVOYS) if victim is Victim.GATEWAY else [_busier_envoy(delivery)]
        yield from _alive(supervisor, *names)
    elif victim in (Victim.CANDIDATE, Victim.STABLE):
        is_stable = victim is Victim.STABLE
        name = release.stable if is_stable else release.candidate and release.candidate.name
        assert name is not None, f"{release.id} has no {victim} yet"
        for program in _alive(supervisor, program_name(SERVICE, name)):
            yield from (program, *program.children(recursive=True))
    else:
        program_of = f"airflow-{victim}" if victim in _AIRFLOW else victim.value
        yield from _alive(supervisor, program_of)


def _alive(supervisor: Supervisor, *programs: str) -> Iterator[psutil.Process]:
    """Find the processes of supervised programs; one that is to be restarted has none."""
    for program in programs:
        if pid := supervisor.state(program).pid:
            with contextlib.suppress(psutil.NoSuchProcess):
                yield psutil.Process(pid)


def _busier_envoy(delivery: Delivery) -> str:
    """Find the Envoy that holds most of the callers' connections: the other would not be missed.

    One that was killed a phase ago must be back first: to kill the other then is to kill both.
    """
    admins = {name: EnvoyAdmin(delivery.stack.home.url(port)) for name, port in ENVOYS.items()}
    connections = f"http.{SERVICE}.downstream_cx_active"

    def held_by(name: str) -> int:
        return admins[name].numbers(f"^{re.escape(connections)}$", "Gauges").get(connections, 0)

    delivery.wait_until(
        lambda: all(admin.text("/ready") for admin in admins.values()),
        "both Envoys are live",
        timeout_s=20,
        pause_s=0.03,
    )
    return max(ENVOYS, key=held_by)


def _busy_workers(scheduler: psutil.Process) -> Iterator[psutil.Process]:
    """Find the executor's processes that run a task, and the tasks' own."""
    for worker in scheduler.children():
        with contextlib.suppress(psutil.NoSuchProcess):
            title = " ".join(worker.cmdline())
            if "LocalExecutor" in title and _IDLE_WORKER not in title:
                yield from (*worker.children(recursive=True), worker)
