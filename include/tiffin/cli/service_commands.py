"""`tiffin validate`: checks service files before anything else reads them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from tiffin.errors import RefusedError
from tiffin.home import PROJECT, TiffinHome
from tiffin.services.catalog import load_service, load_services, service_files
from tiffin.services.spec import Service
from tiffin.services.yaml_file import read_yaml

Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Service files to check.")]

_SERVICES = PROJECT / "include" / "services"
_SUITES = PROJECT / "include" / "expectations"


def register(app: typer.Typer) -> None:
    """Add this module's commands to the `tiffin` command."""
    app.command()(validate)


def validate(file: Files) -> None:
    """Check service files; each problem names the file, the line and the key.

    They are checked beside the services that are there already, the stack's ports and the suites.
    """
    sound: dict[Path, Service] = {}
    problems: list[str] = []
    for one in file:
        try:
            sound[one] = load_service(one)
        except RefusedError as error:
            problems.append(error.message)
    problems += _clashes(sound)
    for one, service in sound.items():
        problems += _misfits(one, service)
    for one in sound:
        if not any(problem.startswith(f"{one}:") for problem in problems):
            typer.echo(f"{one}: ok")
    for problem in problems:
        typer.echo(problem, err=True)
    if problems:
        raise typer.Exit(1)


def _clashes(sound: dict[Path, Service]) -> Sequence[str]:
    """Say which names and ports are taken by another of the files, or by a live service."""
    names = {service.name for service in sound.values()}
    try:
        load_services([*_live_files_without(names), *sound])
    except RefusedError as error:
        return error.message.splitlines()
    return ()


def _live_files_without(names: set[str]) -> Iterator[Path]:
    """Yield the files of the services that a checked file would not replace."""
    for file in service_files(_SERVICES):
        try:
            if load_service(file).name not in names:
                yield file
        except RefusedError:  # that file's own check says what is wrong with it
            continue


def _misfits(file: Path, service: Service) -> Iterator[str]:
    """Say where a file asks for a port of the stack, or a suite that nobody has written."""
    home = TiffinHome.from_environment()
    stack = {port: name for name, port in home.settings.items() if name != "offset"}
    where = read_yaml(file).where
    if taken_by := stack.get(service.port + home.port_offset):
        yield f"{where(('port',))}: port: {service.port} is the stack's own port for {taken_by}"
    suite = service.validation.suite
    if suite is not None and not (_SUITES / f"{suite}.json").is_file():
        yield (
            f"{where(('validation', 'suite'))}: validation.suite: there is no "
            f"include/expectations/{suite}.json; write it, or take the key away"
        )
