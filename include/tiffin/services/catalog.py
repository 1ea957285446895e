"""Reads service files; a refusal names the file, the line and the key, and all problems at once.

Each Airflow task reads its service file, so nothing heavy is imported here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from tiffin.errors import RefusedError
from tiffin.services.spec import Service
from tiffin.services.yaml_file import YamlFile, read_yaml, refused, shown

_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class ServiceCatalog:
    """All services of a folder, ordered by name."""

    services: tuple[Service, ...]

    @classmethod
    def load(cls, folder: Path) -> ServiceCatalog:
        """Read every service file of a folder; RefusedError lists the problems of all files."""
        return cls(load_services(service_files(folder)))

    def __iter__(self) -> Iterator[Service]:
        return iter(self.services)

    @property
    def names(self) -> tuple[str, ...]:
        """The services' names."""
        return tuple(service.name for service in self.services)

    def service(self, name: str) -> Service:
        """Return a service; RefusedError (`unknown-service`) lists the known ones."""
        for service in self.services:
            if service.name == name:
                return service
        raise unknown_service(name, self.names)


@dataclass(frozen=True)
class ServiceFolder:
    """The services of a folder, each read when it is asked for.

    A typo in one service's file is no obstacle to the others; `ServiceCatalog` is the strict one.
    """

    folder: Path

    def __iter__(self) -> Iterator[Service]:
        for file in service_files(self.folder):
            with suppress(RefusedError):
                yield load_service(file)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the services whose files can be read, sorted."""
        return tuple(sorted(service.name for service in self))

    def service(self, name: str) -> Service:
        """Return a service; RefusedError (`unknown-service`) lists the known ones."""
        return find_service(self.folder, name)


def find_service(folder: Path, name: str) -> Service:
    """Return one service, whatever is wrong with the other files.

    For all that acts on one service: a typo in another one's file must not stop a rollback. The
    file with the service's name is looked into first, and refused when it can't be read.
    """
    files = sorted(service_files(folder), key=lambda file: file.stem != name)
    names: list[str] = []
    unreadable: list[str] = []
    for file in files:
        try:
            service = load_service(file)
        except RefusedError:
            if file.stem == name:
                raise
            unreadable.append(shown(file))
            continue
        if service.name == name:
            return service
        names.append(service.name)
    raise unknown_service(name, names, unreadable)


def load_services(files: list[Path]) -> tuple[Service, ...]:
    """Read service files, ordered by name; two with one name or one port are refused."""
    found: dict[Path, Service] = {}
    problems = []
    for file in files:
        try:
            found[file] = load_service(file)
        except RefusedError as error:
            problems.append(error.message)
    problems += _clashes(found)
    if problems:
        raise refused("\n".join(problems))
    return tuple(sorted(found.values(), key=lambda service: service.name))


def load_service(file: Path) -> Service:
    """Read one service file; RefusedError (`bad-service-file`) has a line for each problem."""
    document = read_yaml(file)
    if not isinstance(document.data, dict):
        raise refused(f"{document.where(())}: a service file has keys and values: `name: ...`")
    try:
        return Service.model_validate(document.data)
    except ValidationError as error:
        problems = [p for p in error.errors(include_url=False) if not _is_echo(p)]
        problems.sort(key=lambda problem: document.line(problem["loc"]))
        raise refused("\n".join(_said(document, problem) for problem in problems)) from None


def service_files(folder: Path) -> list[Path]:
    """Return a folder's service files, ordered by file name."""
    if not folder.is_dir():
        raise refused(f"{shown(folder)}: there is no such folder of service files; create it")
    return sorted(file for file in folder.iterdir() if file.suffix in _SUFFIXES)


def unknown_service(
    name: str, known: Sequence[str], unreadable: Sequence[str] = ()
) -> RefusedError:
    """Return the error for a service that no file describes."""
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    besides = f"; can't be read: {', '.join(unreadable)}" if unreadable else ""
    return RefusedError(
        f"there is no service {name!r}; {hint}known: {', '.join(sorted(known)) or 'none'}{besides}",
        code="unknown-service",
    )


def _clashes(found: Mapping[Path, Service]) -> Iterator[str]:
    """Say which files claim a name or a port that another file has."""
    owners: dict[tuple[str, str | int], Path] = {}
    for file, service in found.items():
        for key, value in (("name", service.name), ("port", service.port)):
            owner = owners.setdefault((key, value), file)
            if owner != file:
                where = read_yaml(file).where((key,))
                yield f"{where}: {key}: {value} is already taken by {shown(owner)}"


def _said(document: YamlFile, problem: ErrorDetails) -> str:
    """Return "file:line: key: what is wrong"."""
    path = problem["loc"]
    key = f"{_dotted(path)}: " if path else ""
    return f"{document.where(path)}: {key}{_complaint(path, problem)}"


def _is_echo(problem: ErrorDetails) -> bool:
    """Return whether a list counts as too short only because its items have problems."""
    return problem["type"] == "too_short" and bool(problem["input"])


def _dotted(path: tuple[str | int, ...]) -> str:
    """Return a path as people write it: smoke[0].body."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return "".join(parts).lstrip(".")


def _complaint(path: tuple[str | int, ...], problem: ErrorDetails) -> str:
    if problem["type"] == "missing":
        return "this key is missing"
    if problem["type"] == "extra_forbidden":
        return _unknown_key(str(path[-1]), _keys_at(path[:-1]))
    words = problem["msg"].removeprefix("Value error, ").replace("valid tuple", "list")
    words = re.sub(r"^(Input|String|Tuple) should", "it should", words)
    given = problem["input"]
    if problem["type"] == "value_error" or isinstance(given, dict | list):
        return words
    return f"{words}, not {given!r}"


def _unknown_key(key: str, known: list[str]) -> str:
    near = get_close_matches(key, known, n=1)
    if near:
        return f"there is no such key; did you mean `{near[0]}`?"
    return f"there is no such key; the keys here are {', '.join(known)}"


def _keys_at(path: tuple[str | int, ...]) -> list[str]:
    """Return the keys that a section of the service file may have."""
    section: type[BaseModel] = Service
    for part in path:
        if isinstance(part, str):
            section = _section_in(section.model_fields[part].annotation) or section
    return list(section.model_fields)


def _section_in(annotation: Any) -> type[BaseModel] | None:
    """Return the section within an annotation such as `tuple[SmokeCase, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_section_in(argument) for argument in get_args(annotation))
    return next((section for section in inner if section is not None), None)
