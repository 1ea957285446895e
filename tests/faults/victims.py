"""Who can be killed, and how its process is found on the embedded stack."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from enum import StrEnum

import psutil

from tests.e2e.delivery import SERVICE, Delivery
from tiffin.release.release import Release
from tiffin.stack.supervisor import Supervisor
from tiffin.targets.local_target import program_name


class Victim(StrEnum):
    """A part of the stack, by the name that FAULTS uses."""

    WORKER = "worker"
    SCHEDULER = "scheduler"
    TRIGGERER = "triggerer"
    API_SERVER = "api-server"
    DAG_PROCESSOR = "dag-processor"
    ENVOY = "envoy"
    MLFLOW = "mlflow"
    POSTGRES = "postgres"
    CANDIDATE = "candidate"
    STABLE = "stable"
    SUPERVISOR = "supervisor"


_AIRFLOW = {Victim.SCHEDULER, Victim.TRIGGERER, Victim.API_SERVER, Victim.DAG_PROCESSOR}
_IDLE_WORKER = "LocalExecutor: <idle>"


def kill(victim: Victim, delivery: Delivery, release: Release) -> int:
    """`kill -9` the victim; return how many processes died.

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
        yield from _busy_workers(psutil.Process(supervisor.state("airflow-scheduler").pid))
    elif victim is Victim.SUPERVISOR:
        pid_file = delivery.stack.home.run_folder / "supervisord.pid"
        yield psutil.Process(int(pid_file.read_text()))
    elif victim in (Victim.CANDIDATE, Victim.STABLE):
        is_stable = victim is Victim.STABLE
        name = release.stable if is_stable else release.candidate and release.candidate.name
        assert name is not None, f"{release.id} has no {victim} yet"
        program = psutil.Process(supervisor.state(program_name(SERVICE, name)).pid)
        yield from (program, *program.children(recursive=True))
    else:
        program_of = f"airflow-{victim}" if victim in _AIRFLOW else victim.value
        yield psutil.Process(supervisor.state(program_of).pid)


def _busy_workers(scheduler: psutil.Process) -> Iterator[psutil.Process]:
    """Find the executor's processes that run a task, and the tasks' own."""
    for worker in scheduler.children():
        with contextlib.suppress(psutil.NoSuchProcess):
            title = " ".join(worker.cmdline())
            if "LocalExecutor" in title and _IDLE_WORKER not in title:
                yield from (*worker.children(recursive=True), worker)
