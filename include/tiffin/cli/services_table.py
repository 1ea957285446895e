"""What is live, per Service: the rows of `tiffin status` and of its JSON."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rich.table import Column, Table

from tiffin.errors import UnavailableError
from tiffin.platform import Platform
from tiffin.release.release import Release
from tiffin.traffic.split import WHOLE, Split


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """One Service at one moment; `live` is None before its first deployment.

    `split` maps each Revision to its share (0 to 1). `release` and `phase` name the Release in
    progress. `unknown` says what could not be read, or is empty.
    """

    service: str
    url: str
    live: str | None
    version: str | None
    split: dict[str, float]
    previous: str | None
    release: str | None
    phase: str | None
    unknown: str = ""


def service_rows(platform: Platform) -> tuple[ServiceRow, ...]:
    """Read every Service of the catalog; a database that is down leaves its columns unknown."""
    return tuple(_row(platform, name) for name in platform.catalog.names)


def services_table(rows: Iterable[ServiceRow]) -> Table:
    """Return the table that `tiffin status` shows; revisions' names begin with the version."""
    table = Table(*(Column(heading, no_wrap=True) for heading in ("service", "live")))
    for heading in ("traffic", "back to", "in progress"):
        table.add_column(heading)
    table.add_column("url", overflow="fold")
    for row in rows:
        split = ", ".join(f"{name} {share:.1%}" for name, share in row.split.items() if share)
        nothing = "unknown" if row.unknown else ""
        progress = f"{row.release} ({row.phase})" if row.release else nothing
        live = row.live or "not deployed"
        traffic = split if row.release else "all" if row.live else ""
        table.add_row(row.service, live, traffic, row.previous or "", progress, row.url)
    return table


def _row(platform: Platform, service: str) -> ServiceRow:
    route = platform.router.read(service)
    port = platform.catalog.service(service).port + platform.port_offset
    live = route.split.fallback if route else None
    try:
        release = _in_progress(platform, service)
        revision = platform.records.revision(service, live) if live else None
        unknown = ""
    except UnavailableError as error:
        release, revision, unknown = None, None, error.message
    return ServiceRow(
        service=service,
        url=f"http://127.0.0.1:{port}",
        live=live,
        version=revision.version if revision else None,
        split=_shares(route.split) if route else {},
        previous=route.previous if route else None,
        release=release.id if release else None,
        phase=release.phase.value if release else None,
        unknown=unknown,
    )


def _in_progress(platform: Platform, service: str) -> Release | None:
    releases = [r for r in platform.records.in_progress(service) if not r.is_dry_run]
    return releases[-1] if releases else None


def _shares(split: Split) -> dict[str, float]:
    return {backend.revision: backend.weight / WHOLE for backend in split.backends}
