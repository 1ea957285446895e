"""`tiffin validate`: checks service files before anything else reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Service files to check.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands to the `tiffin` command."""
    app.command()(validate)


def validate(file: Files) -> None:
    """Check service files; each problem names the file, the line and the key."""
    from tiffin.errors import RefusedError
    from tiffin.services.catalog import load_service, load_services

    sound: list[Path] = []
    problems: list[str] = []
    for one in file:
        try:
            load_service(one)
            sound.append(one)
        except RefusedError as error:
            problems.append(error.message)
    try:
        load_services(sound)
    except RefusedError as error:
        problems.append(error.message)
    for one in sound:
        typer.echo(f"{one}: ok")
    for problem in problems:
        typer.echo(problem, err=True)
    if problems:
        raise typer.Exit(1)
