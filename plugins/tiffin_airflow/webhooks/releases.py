"""The pages of Releases for users who are logged in: what happened, and why."""

from __future__ import annotations

import json
from collections.abc import Callable
from html import escape
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import HTMLResponse

from tiffin.platform import Platform
from tiffin.release.ledger import Entry, first_broken
from tiffin.release.release import Release

_STYLE = (
    "body{font:15px/1.5 system-ui;margin:2rem;max-width:70rem}"
    "table{border-collapse:collapse}td,th{padding:.3rem .8rem;text-align:left;"
    "border-bottom:1px solid #8884;vertical-align:top}code{white-space:pre-wrap}"
)
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "Cache-Control": "no-store",
}


def release_routes(platform: Platform, logged_in: Callable[..., Any]) -> APIRouter:
    """Return the pages; `logged_in` is the dependency that lets only users in."""
    routes = APIRouter(dependencies=[Depends(logged_in)], default_response_class=HTMLResponse)

    @routes.get("/releases")
    def listed(
        service: str | None = None, limit: Annotated[int, Query(ge=1, le=500)] = 50
    ) -> HTMLResponse:
        """The latest Releases, newest first."""
        releases = platform.records.history(service, limit)
        rows = "".join(_row(release) for release in releases)
        head = "<tr><th>Release<th>Service<th>Version<th>Phase<th>Actor<th>Begun<th>Reason</tr>"
        return _page("Releases", f"<table>{head}{rows}</table>")

    @routes.get("/releases/{release_id}")
    def told(release_id: str) -> HTMLResponse:
        """One Release: its phase, its share now, and its ledger."""
        release = platform.records.release(release_id)
        return _page(release.id, _facts(platform, release) + _ledger(platform, release))

    return routes


def _row(release: Release) -> str:
    link = f'<a href="releases/{escape(release.id)}">{escape(release.id)}</a>'
    cells = (release.service, release.version, release.phase, release.actor)
    ends = (release.begun_at.isoformat(timespec="seconds"), release.reason)
    return f"<tr><td>{link}{_cells(*cells, *ends)}</tr>"


def _facts(platform: Platform, release: Release) -> str:
    route = platform.router.read(release.service)
    candidate = release.candidate.name if release.candidate else None
    share = route.split.weight(candidate) / 100 if route and candidate else 0
    facts = {
        "Service": release.service,
        "Version": f"{release.model} {release.version}",
        "Phase": release.phase,
        "Share now": f"{share:g} %",
        "Candidate": candidate or "-",
        "Stable": release.stable or "-",
        "Actor": release.actor,
        "Reason": release.reason or "-",
    }
    rows = "".join(f"<tr><th>{name}{_cells(fact)}</tr>" for name, fact in facts.items())
    return f"<table>{rows}</table>"


def _ledger(platform: Platform, release: Release) -> str:
    entries = platform.records.entries(release.id)
    broken = first_broken(entries)
    state = "intact" if broken is None else f"BROKEN at entry {broken}"
    rows = "".join(_entry(entry) for entry in entries)
    return f"<h2>Ledger ({state})</h2><table>{rows}</table>"


def _entry(entry: Entry) -> str:
    body = {key: value for key, value in entry.body.items() if key != "analysis"}
    told = json.dumps(body, ensure_ascii=False)
    at = entry.at.isoformat(timespec="milliseconds")
    return f"<tr>{_cells(str(entry.seq), at, entry.kind)}<td><code>{escape(told)}</code></tr>"


def _cells(*texts: str) -> str:
    return "".join(f"<td>{escape(text)}" for text in texts)


def _page(title: str, body: str) -> HTMLResponse:
    head = f"<meta charset=utf-8><title>{escape(title)}</title><style>{_STYLE}</style>"
    content = f"<!doctype html><html lang=en><head>{head}</head><body>{body}</body></html>"
    return HTMLResponse(content, headers=_HEADERS)
