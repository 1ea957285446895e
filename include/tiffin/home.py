"""The one folder that holds all state of an embedded stack, its ports and its secrets.

`TIFFIN_HOME` names it (default: `.tiffin/` in the project). The ports are settled at the first
`tiffin up` and remembered in `settings.json`, so that every later command agrees with it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets as random
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import get_ident

from tiffin.errors import RefusedError

PROJECT = Path(__file__).resolve().parents[2]
"""The checkout: where dags/, plugins/, serving/ and include/ are."""

DEFAULT_PORTS = {
    "airflow": 8080,
    "mlflow": 5000,
    "gateway-admin": 9901,
    "gateway-admin-2": 9902,
    "revisions": 21000,
}
"""Each may be set by TIFFIN_PORT_<NAME>; all, and the services' own, move by TIFFIN_PORT_OFFSET."""

ENVOYS = {"envoy-1": "gateway-admin", "envoy-2": "gateway-admin-2"}
"""The Envoys that share the services' ports, so that one may die, and the names of their own."""

_LONGEST_RUN_FOLDER = 80
"""A Unix socket's path has at most 107 bytes; supervisord and PostgreSQL append up to 27."""


@dataclass(frozen=True)
class TiffinHome:
    """Paths, ports, URLs and secrets of one embedded stack."""

    path: Path

    @classmethod
    def from_environment(cls) -> TiffinHome:
        """Return the home that TIFFIN_HOME names, or the project's own."""
        named = os.environ.get("TIFFIN_HOME")
        return cls(Path(named).expanduser().resolve() if named else PROJECT / ".tiffin")

    def folder(self, *parts: str) -> Path:
        """Return a folder below the home, made if it isn't there."""
        folder = self.path.joinpath(*parts)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @cached_property
    def settings(self) -> dict[str, int]:
        """The ports as remembered, or as the environment asks when nothing is remembered.

        A port that a newer version added since has its default.
        """
        remembered = self.path / "settings.json"
        if remembered.exists():
            known = {name: int(port) for name, port in json.loads(remembered.read_text()).items()}
            defaults = {name: port + known["offset"] for name, port in DEFAULT_PORTS.items()}
            return defaults | known
        return settings_from_environment()

    def remember_settings(self) -> None:
        """Write the ports to settings.json; what is remembered already stays as it is."""
        remembered = self.folder() / "settings.json"
        if not remembered.exists():
            write_atomically(remembered, json.dumps(self.settings, indent=2) + "\n")

    @property
    def run_folder(self) -> Path:
        """The folder of sockets and pid files, private to this user.

        It is below the home, unless that path is too long for a socket, or has characters that
        connection URLs don't carry: then it is in /tmp, named after the home. TMPDIR does not
        count: every shell must find the same folder.
        """
        run = self.path / "run"
        if len(str(run)) > _LONGEST_RUN_FOLDER or not re.fullmatch(r"[\w./-]+", str(run), re.ASCII):
            digest = hashlib.sha256(str(self.path).encode()).hexdigest()[:12]
            run = Path(f"/tmp/tiffin-{os.getuid()}-{digest}")  # noqa: S108  (its owner is checked)
        run.mkdir(mode=0o700, parents=True, exist_ok=True)
        if run.stat().st_uid != os.getuid():
            raise RefusedError(
                f"{run} belongs to somebody else; remove it, or set TIFFIN_HOME to a shorter path",
                code="folder-not-writable",
            )
        return run

    @property
    def port_offset(self) -> int:
        """How far every port, the services' too, is moved."""
        return self.settings["offset"]

    def port(self, name: str) -> int:
        """Return the port of a part of the stack (the keys of DEFAULT_PORTS)."""
        return self.settings[name]

    def url(self, name: str) -> str:
        """Return the loopback URL of `airflow`, `mlflow` or an Envoy's admin port."""
        return f"http://127.0.0.1:{self.port(name)}"

    @property
    def envoy_urls(self) -> tuple[str, ...]:
        """Where the Envoys answer for themselves."""
        return tuple(self.url(port) for port in ENVOYS.values())

    def secret(self, name: str) -> str:
        """Return a secret, generated (43 URL-safe characters) the first time it is asked for.

        Two processes that ask at once get the same one.
        """
        folder = self.folder("secrets")
        folder.chmod(0o700)
        file = folder / name
        if not file.exists():
            draft = folder / f".{name}.{os.getpid()}.{get_ident()}"
            draft.touch(mode=0o600)
            draft.write_text(random.token_urlsafe(32))
            try:
                os.link(draft, file)
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        return file.read_text().strip()


def write_atomically(file: Path, text: str, *, mode: int = 0o644) -> None:
    """Replace a file's content in one step that survives a crash: old or new, never half."""
    draft = file.with_name(f".{file.name}.{os.getpid()}.{get_ident()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(file)


def settings_from_environment() -> dict[str, int]:
    """Read TIFFIN_PORT_OFFSET and TIFFIN_PORT_<NAME>; raise RefusedError when one is no port."""
    offset = _whole_number("TIFFIN_PORT_OFFSET", 0, low=0, high=40_000)
    ports = {"offset": offset}
    for name, default in DEFAULT_PORTS.items():
        variable = f"TIFFIN_PORT_{name.upper().replace('-', '_')}"
        ports[name] = _whole_number(variable, default + offset, low=1024, high=65_535)
    return ports


def _whole_number(variable: str, default: int, *, low: int, high: int) -> int:
    text = os.environ.get(variable)
    if text is None:
        return default
    if not text.isdigit() or not low <= int(text) <= high:
        raise RefusedError(
            f"{variable} is {text!r}; set it to a whole number from {low} to {high}",
            code="bad-setting",
        )
    return int(text)
