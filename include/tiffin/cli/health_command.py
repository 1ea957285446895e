"""`tiffin health`: is what is live well, and which version answers?"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from tiffin.cli.console import plain_console
from tiffin.cli.exit_codes import BAD, SUCCESSFUL, UNAVAILABLE
from tiffin.errors import RefusedError
from tiffin.health.probe import Found, State, probe
from tiffin.home import ENVOYS, TiffinHome
from tiffin.platform import Platform, embedded_platform
from tiffin.services.spec import Service

_Asked = Annotated[
    str | None, typer.Argument(metavar="[SERVICE|URL]", help="Only this one; default: all.")
]
_AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@dataclass(frozen=True, slots=True)
class Row:
    """One service: what is live by the records, and what was found."""

    service: str | None
    live: str | None
    """The Revision that has the traffic."""
    found: Found


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(health)


def health(asked: _Asked = None, as_json: _AsJson = False) -> None:
    """Ask what is live one golden question; exit with 2 for a wrong answer, 3 for none."""
    home = TiffinHome.from_environment()
    if asked is not None and asked.startswith(("http://", "https://")):
        rows, gateways = [Row(None, None, probe(asked, None))], {}
    else:
        rows, gateways = _rows(embedded_platform(home), asked), _gateways(home)
    if as_json:
        print(json.dumps({"gateway": gateways, "services": [_json(row) for row in rows]}))
    else:
        _show(rows, gateways)
    raise typer.Exit(exit_code([row.found.state for row in rows], tuple(gateways.values())))


def exit_code(states: list[State], gateways: tuple[bool, ...]) -> int:
    """Return what a script can go by: silence counts before a wrong answer."""
    if State.SILENT in states or (gateways and not any(gateways)):
        return UNAVAILABLE
    return BAD if State.WRONG in states else SUCCESSFUL


def _rows(platform: Platform, asked: str | None) -> list[Row]:
    if asked is None:
        return [_row(platform, service) for service in platform.catalog]
    row = _row(platform, platform.catalog.service(asked))
    if row.live is None:
        raise RefusedError(
            f"{asked} is not deployed; `tiffin deploy {asked} --version V` does it",
            code="not-deployed",
        )
    return [row]


def _row(platform: Platform, service: Service) -> Row:
    url = f"http://127.0.0.1:{service.port + platform.port_offset}"
    route = platform.router.read(service.name)
    if route is None:
        return Row(service.name, None, Found(url, State.NOT_DEPLOYED))
    return Row(service.name, route.split.fallback, probe(url, service.smoke[0]))


def _gateways(home: TiffinHome) -> dict[str, bool]:
    """Return whether each Envoy is ready."""
    import httpx

    ready = {}
    for name, port in ENVOYS.items():
        try:
            answer = httpx.get(f"{home.url(port)}/ready", timeout=5, trust_env=False)
            ready[name] = answer.status_code == httpx.codes.OK
        except httpx.HTTPError:
            ready[name] = False
    return ready


def _json(row: Row) -> dict[str, object]:
    return {"service": row.service, "live": row.live, **asdict(row.found)}


def _show(rows: list[Row], gateways: dict[str, bool]) -> None:
    console = plain_console()
    headings = ("service", "state", "live", "version", "engine", "answered in", "problem")
    table = Table(
        *(Column(heading, no_wrap=heading != "problem") for heading in headings), box=None
    )
    for row in rows:
        found = row.found
        took = "" if found.milliseconds is None else f"{found.milliseconds:.1f} ms"
        name, live = row.service or found.model or found.url, row.live or found.revision or ""
        version, engine = found.version or "", found.engine or ""
        table.add_row(name, found.state.value, live, version, engine, took, found.problem)
    (console if console.is_terminal else Console(width=200, highlight=False)).print(table)
    silent = [name for name, is_ready in gateways.items() if not is_ready]
    if silent:
        verb = "does" if len(silent) == 1 else "do"
        hint = "; `tiffin up` starts the stack" if len(silent) == len(gateways) else ""
        console.print(f"The gateway: {', '.join(silent)} {verb} not answer{hint}.", soft_wrap=True)
