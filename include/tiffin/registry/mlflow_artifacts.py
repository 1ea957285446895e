"""Files of MLflow runs and models, moved through the server's own artifact proxy.

The server holds the storage credentials; Tiffin needs none. What the server says of paths is not
trusted: a name that would leave the target folder is refused.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import quote, unquote, urlsplit

from tiffin.errors import RefusedError, UnavailableError
from tiffin.registry.mlflow_rest import MlflowRest

_ROUTE = "mlflow-artifacts/artifacts"
_MOST_FILES = 10_000
_DEEPEST = 20


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file below an artifact root: its relative path, and its size if the server told."""

    path: PurePosixPath
    size: int | None


class MlflowArtifacts:
    """Lists, fetches and stores files below artifact roots of one MLflow server."""

    def __init__(self, rest: MlflowRest) -> None:
        self._rest = rest

    def fetch_tree(self, root: str, into: Path, *, missing: RefusedError) -> Path:
        """Copy all files below a proxied root to the folder `into`; whole or not at all.

        A folder that is already there is complete, so a second call changes nothing; of two
        calls at once, one's copy stays.
        """
        if into.is_dir():
            return into
        into.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{into.name}.", dir=into.parent))
        try:
            self._fetch_all(root, draft, missing)
            _publish(draft, into)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return into

    def fetch_file(self, path: str, into: Path, *, missing: RefusedError) -> Path:
        """Copy one file; it appears under its name complete, or not at all."""
        into.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(prefix=f".{into.name}.", dir=into.parent)
        os.close(handle)
        try:
            self._rest.download(f"{_ROUTE}/{quote(path)}", Path(draft), missing=missing)
            _sync(Path(draft))
            Path(draft).replace(into)
        finally:
            Path(draft).unlink(missing_ok=True)
        return into

    def store(self, root: str, name: str, file: Path, *, missing: RefusedError) -> None:
        """Store a file below a root; twice is the same as once."""
        self._rest.upload(f"{_ROUTE}/{quote(root)}/{quote(name)}", file, missing=missing)

    def _fetch_all(self, root: str, draft: Path, missing: RefusedError) -> None:
        files = list(self._files(root, missing))
        if not files:
            raise missing
        for remote in files:
            local = draft / remote.path
            local.parent.mkdir(parents=True, exist_ok=True)
            route = f"{_ROUTE}/{quote(f'{root}/{remote.path}')}"
            size = self._rest.download(route, local, missing=missing)
            _check_size(remote, size)
            _sync(local)

    def _files(self, root: str, missing: RefusedError) -> Iterator[RemoteFile]:
        folders, seen = [PurePosixPath()], 0
        while folders:
            folder = folders.pop()
            asked = {"path": (PurePosixPath(root) / folder).as_posix()}
            for entry in self._rest.get(_ROUTE, asked, missing=missing).get("files", []):
                path = folder / safe_name(str(entry["path"]))
                seen += 1
                if seen > _MOST_FILES or len(path.parts) > _DEEPEST:
                    raise _hostile(root, f"over {_MOST_FILES} files or {_DEEPEST} levels")
                if entry.get("is_dir"):
                    folders.append(path)
                else:
                    size = entry.get("file_size")
                    yield RemoteFile(path, None if size is None else int(size))


def proxied_path(uri: str) -> str:
    """Return the path that the server's proxy knows an artifact URI by; refuse other storage."""
    parts = urlsplit(uri)
    path = unquote(parts.path)
    if parts.scheme in ("http", "https") and f"/{_ROUTE}/" in path:
        path = path.split(f"/{_ROUTE}/", 1)[1]
    elif parts.scheme != "mlflow-artifacts":
        raise RefusedError(
            f"the artifact at {uri} is not served by MLflow's artifact proxy; run the MLflow "
            "server with --serve-artifacts and log the model again",
            code="artifact-not-proxied",
        )
    return "/".join(safe_name(name) for name in path.strip("/").split("/"))


def safe_name(name: str) -> str:
    """Return a single path component as it is; refuse one that could leave its folder."""
    if name in ("", ".", "..") or any(bad in name for bad in ("/", "\\", "\0")):
        raise _hostile(name, "a name that leaves its folder")
    return name


def _hostile(where: str, what: str) -> RefusedError:
    return RefusedError(
        f"the MLflow server lists {what} ({where[:100]!r}); nothing of it was fetched, look at "
        "the artifact store",
        code="hostile-artifact",
    )


def _check_size(remote: RemoteFile, size: int) -> None:
    if remote.size is not None and remote.size != size:
        raise UnavailableError(
            f"{remote.path} came with {size} of {remote.size} bytes; try again",
            code="artifact-truncated",
        )


def _publish(draft: Path, into: Path) -> None:
    try:
        draft.rename(into)
    except OSError:
        if not into.is_dir():
            raise
    _sync(into.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
