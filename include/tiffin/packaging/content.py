"""What is in a folder, as one digest that two machines agree on."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

_CREATION_TIME = re.compile(rb"^(\s*(?:- )?creation_time:).*$", re.MULTILINE)
_EPOCH = rb"\1 '1970-01-01T00:00:00.000000+00:00'"


def tree_digest(*folders: Path) -> str:
    """Return the SHA-256 over the names and bytes of all files below the folders.

    Bytecode is left out: Python writes it beside the source while a bento is being served.
    """
    digest = hashlib.sha256()
    for number, folder in enumerate(folders):
        for file in content_files(folder):
            name = file.relative_to(folder).as_posix()
            digest.update(f"{number}\0{name}\0{file_digest(file)}\n".encode())
    return digest.hexdigest()


def content_files(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, ordered by name, without bytecode."""
    files = (path for path in folder.rglob("*") if path.is_file())
    wanted = (path for path in files if "__pycache__" not in path.parts)
    yield from sorted(wanted, key=lambda path: path.relative_to(folder).as_posix())


def forget_creation_times(file: Path) -> None:
    """Set each `creation_time` in a YAML file of BentoML's to 1970; twice changes nothing more.

    The clock is the only input of a build that is none of ours.
    """
    file.write_bytes(_CREATION_TIME.sub(_EPOCH, file.read_bytes()))


def file_digest(file: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
