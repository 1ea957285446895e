"""Keeps what is live for each Service: one JSON file each, the truth that Envoy's files follow.

routes/credit-risk.json       the truth: always a Split that the gateway has confirmed
routes/.credit-risk.doubt     there while Envoy's files may differ from the truth
routes/.credit-risk.lock      held by whoever writes this Service
.gateway.lock                 held by whoever writes the files that all Services share
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from tiffin.errors import RefusedError, UnavailableError
from tiffin.traffic.fencing import StoredRoute
from tiffin.traffic.split import Backend, Endpoint, Split, Timeouts

_LOCK_TIMEOUT_S = 30.0


class RouteStore:
    """The stored routes of one gateway folder. Each write is atomic and survives a power cut."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._routes = folder / "routes"

    def services(self) -> tuple[str, ...]:
        """Return the names of all Services that something was stored for, sorted."""
        return tuple(sorted(file.stem for file in self._routes.glob("[!.]*.json")))

    def load(self, service: str) -> StoredRoute | None:
        """Return what is stored, or None; raise RefusedError when the file can't be read."""
        file = self._file(service)
        try:
            return _decode(json.loads(file.read_text()))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise RefusedError(
                f"{file} is no stored route ({error}); restore it from a backup, or delete it "
                f"and deploy {service} again",
                code="route-file-broken",
            ) from error

    def save(self, service: str, stored: StoredRoute) -> None:
        """Replace what is stored. Twice is the same as once."""
        write_file(self._file(service), json.dumps(asdict(stored), indent=1), durable=True)

    def is_in_doubt(self, service: str) -> bool:
        """Tell whether a writer is at work, or died at it."""
        return self._doubt(service).exists()

    def doubt(self, service: str) -> None:
        """Remember that Envoy's files may differ from the truth from now on."""
        write_file(self._doubt(service), "")

    def settle(self, service: str) -> None:
        """Forget the doubt: Envoy's files agree with the truth."""
        self._doubt(service).unlink(missing_ok=True)

    @contextmanager
    def locked(self, service: str, *, timeout_s: float = _LOCK_TIMEOUT_S) -> Iterator[None]:
        """Hold one Service; raise UnavailableError when another writer keeps it too long."""
        self._routes.mkdir(parents=True, exist_ok=True)
        with _held(self._routes / f".{service}.lock", service, timeout_s):
            yield

    @contextmanager
    def gateway_locked(self) -> Iterator[None]:
        """Hold what all Services share; always taken after a Service's own lock."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with _held(self._folder / ".gateway.lock", "the gateway", _LOCK_TIMEOUT_S):
            yield

    def _file(self, service: str) -> Path:
        return self._routes / f"{service}.json"

    def _doubt(self, service: str) -> Path:
        return self._routes / f".{service}.doubt"


def write_file(file: Path, text: str, *, durable: bool = False) -> None:
    """Write a file whole or not at all, by rename; `durable` also against a power cut.

    Raises UnavailableError (`gateway-files-unwritable`) when the disk is full or denies it; the
    old file is still there then.
    """
    draft = file.with_name(f".{file.name}.draft")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("w") as out:
            out.write(text)
            out.flush()
            if durable:
                os.fsync(out.fileno())
        draft.replace(file)
        if durable:
            _sync_folder(file.parent)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise UnavailableError(
            f"{file} can't be written ({error.strerror}); make room on the disk or mend its "
            "permissions, then try again",
            code="gateway-files-unwritable",
        ) from error


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _held(lock_file: Path, what: str, timeout_s: float) -> Iterator[None]:
    lock = FileLock(lock_file, timeout=timeout_s)
    try:
        lock.acquire()
    except Timeout as error:
        raise UnavailableError(
            f"another process has been writing the traffic of {what} for {timeout_s:g} s; wait "
            "until it is done, then try again",
            code="route-busy",
        ) from error
    try:
        yield
    finally:
        lock.release()


def _decode(data: dict[str, Any]) -> StoredRoute:
    split = data["split"]
    return StoredRoute(
        holder=data["holder"],
        generation=data["generation"],
        split=_decode_split(split) if split else None,
        previous=data["previous"],
    )


def _decode_split(data: dict[str, Any]) -> Split:
    backends = tuple(
        Backend(b["revision"], Endpoint(**b["endpoint"]), b["weight"]) for b in data["backends"]
    )
    return Split(
        service=data["service"],
        port=data["port"],
        backends=backends,
        fallback=data["fallback"],
        sticky_header=data["sticky_header"],
        timeouts=Timeouts(**data["timeouts"]),
        rescue=data["rescue"],
    )
