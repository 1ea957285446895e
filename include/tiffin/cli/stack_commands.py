"""`tiffin up`, `down`, `status` and `logs`."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from tiffin.cli.console import plain_console, working
from tiffin.cli.exit_codes import UNAVAILABLE
from tiffin.errors import RefusedError
from tiffin.home import TiffinHome

_AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def register(app: typer.Typer) -> None:
    """Add the stack's commands to the application."""
    for command in (up, down, status, logs):
        app.command()(command)


def up(
    wait: Annotated[bool, typer.Option("--wait", help="Kept for scripts: up always waits.")] = True,
) -> None:
    """Start the embedded stack, or mend what is missing of it."""
    from tiffin.stack import lifecycle

    console, home, began = plain_console(), TiffinHome.from_environment(), time.monotonic()
    with working(console, f"Starting the stack in {home.path}"):
        changed = lifecycle.up(
            home, lambda step, took: console.print(f"  {step:<18} {took:5.1f} s")
        )
    seconds = time.monotonic() - began
    console.print(f"The stack is up ({seconds:.0f} s)." if changed else "The stack is up already.")
    _say_where(console, home)


def down() -> None:
    """Stop the embedded stack and everything on it; what it stored stays."""
    from tiffin.stack import lifecycle

    console, home = plain_console(), TiffinHome.from_environment()
    with working(console, "Stopping the stack"):
        stopped = lifecycle.down(home)
    console.print(f"The stack is down ({stopped} programs stopped).")


def status(as_json: _AsJson = False) -> None:
    """Show what runs, whether it answers, and what is live; exit with 3 when a part is missing."""
    from tiffin.cli.services_table import service_rows, services_table
    from tiffin.platform import embedded_platform
    from tiffin.stack import lifecycle

    home = TiffinHome.from_environment()
    parts = lifecycle.status(home)
    rows = service_rows(embedded_platform(home))
    if as_json:
        components = [asdict(part) for part in parts]
        services = [asdict(row) for row in rows]
        told = {"home": str(home.path), "components": components, "services": services}
        print(json.dumps(told))
    else:
        _show(parts)
        _wide_console().print(services_table(rows))
        for unknown in sorted({row.unknown for row in rows if row.unknown}):
            plain_console().print(f"Unknown: {unknown}.")
    if not all(part.is_ready for part in parts):
        raise typer.Exit(UNAVAILABLE)


def logs(
    name: Annotated[str, typer.Argument(help="A name that `tiffin status` shows.")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as it grows.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", help="How many lines to show.")] = 100,
) -> None:
    """Print what a part of the stack wrote."""
    file = _log_file(TiffinHome.from_environment(), name)
    with file.open(errors="replace") as stream:
        print("".join(stream.readlines()[-lines:]), end="")
        while follow:
            print(stream.read(), end="", flush=True)
            time.sleep(0.3)


def _log_file(home: TiffinHome, name: str) -> Path:
    folder = home.path / "logs"
    known = sorted(file.stem for file in folder.glob("*.log"))
    if name not in known:
        raise RefusedError(
            f"no log is called {name!r}; there are: {', '.join(known) or 'none yet'}",
            code="unknown-log",
        )
    return folder / f"{name}.log"


def _say_where(console: Console, home: TiffinHome) -> None:
    from tiffin.stack.airflow_metadata import password_of

    file = home.path / "secrets" / "airflow-passwords.json"
    console.print(f"Airflow  {home.url('airflow')}", highlight=False)
    console.print(f"         user admin, password {password_of(home, 'admin')}", highlight=False)
    console.print(f"         (all users: {file})", highlight=False, soft_wrap=True)
    console.print(f"MLflow   {home.url('mlflow')}", highlight=False)


def _show(parts: tuple[object, ...]) -> None:
    from tiffin.stack.lifecycle import Component

    table = Table("name", "state", "ready", "pid", "up for", "")
    for part in parts:
        if isinstance(part, Component):
            ready = "yes" if part.is_ready else "no"
            uptime = f"{part.seconds:.0f} s" if part.pid else ""
            table.add_row(part.name, part.state, ready, str(part.pid or ""), uptime, part.reason)
    _wide_console().print(table)


def _wide_console() -> Console:
    """Return a console that cuts no column off where there is no terminal to fit into."""
    console = Console()
    return console if console.is_terminal else Console(width=200)
