"""Airflow's users and its metadata database, and whether its components are ready."""

from __future__ import annotations

import json
import subprocess
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import httpx

from tiffin.errors import UnavailableError
from tiffin.home import TiffinHome, write_atomically
from tiffin.stack.daemon import base_environment
from tiffin.stack.environment import USERS, airflow_environment, settings_of
from tiffin.stack.programs import tool
from tiffin.stack.supervisor import ProgramState, Supervisor

_PATIENCE_S = 15.0
"""An API server that imports its plugins on a busy machine answers late, not never."""

_COMPONENTS = {
    "airflow-scheduler": ("scheduler", "latest_scheduler_heartbeat"),
    "airflow-triggerer": ("triggerer", "latest_triggerer_heartbeat"),
    "airflow-dag-processor": ("dag_processor", "latest_dag_processor_heartbeat"),
}


def password_of(home: TiffinHome, user: str) -> str:
    """Return the password of one of Airflow's users; made at the first call."""
    return home.secret(f"airflow-user-{user}")


def ensure_users(home: TiffinHome) -> Path:
    """Write the file that Airflow reads the passwords from."""
    file = settings_of(home).passwords_file
    text = json.dumps({user: password_of(home, user) for user in USERS})
    if not file.exists() or file.read_text() != text:
        write_atomically(file, text, mode=0o600)
    return file


def ensure_migrated(home: TiffinHome) -> None:
    """Migrate the metadata database, unless this version of Airflow did so before.

    The note of it lies beside the database, so that it goes when the database goes. Airflow
    takes a lock for its migration and finishes one that was interrupted.
    """
    note = home.folder("postgres") / "airflow-version"
    wanted = version("apache-airflow-core")
    if note.exists() and note.read_text() == wanted:
        return
    log = home.folder("logs") / "airflow-migrate.log"
    with log.open("ab") as output:
        done = subprocess.run(
            [tool("airflow"), "db", "migrate"],
            env={**base_environment(home), **airflow_environment(settings_of(home))},
            cwd=home.folder("supervisor", "work"),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        raise UnavailableError(
            f"Airflow could not migrate its database; see {log}", code="airflow-migration-failed"
        )
    write_atomically(note, wanted)


def unready_components(home: TiffinHome) -> dict[str, str]:
    """Return which of the four components are not ready, each with the reason.

    A heartbeat from before the component's start is an earlier process's and proves nothing.
    """
    health = _health(home)
    if health is None:
        return {"airflow-api-server": "does not answer yet"}
    supervisor = Supervisor(home)
    return {
        name: "no heartbeat yet"
        for name, (part, key) in _COMPONENTS.items()
        if not _has_beaten(health.get(part) or {}, key, supervisor, name)
    }


def _has_beaten(part: dict[str, str], key: str, supervisor: Supervisor, name: str) -> bool:
    status = supervisor.state(name)
    beat = part.get(key)
    if part.get("status") != "healthy" or beat is None or status.state is ProgramState.ABSENT:
        return False
    return datetime.fromisoformat(beat).timestamp() >= status.started_at


def _health(home: TiffinHome) -> dict[str, dict[str, str]] | None:
    try:
        answer = httpx.get(
            f"{home.url('airflow')}/api/v2/monitor/health", timeout=_PATIENCE_S, trust_env=False
        )
    except httpx.HTTPError:
        return None
    if answer.status_code != httpx.codes.OK:
        return None
    health: dict[str, dict[str, str]] = answer.json()
    return health
