"""The page at `/`: which model answers here, and a request to begin with.

It is all in one piece: a browser that shows it asks nobody else for anything.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from html import escape

from serving.runtime.served_model import ServedModel

HOME = "/"
_LINKS = {
    "/openapi.json": "what can be asked, and how",
    "/model_info": "which model answers, and what it wants to be sent",
    "/metrics": "for Prometheus",
    "/readyz": "whether requests should come here",
}
_STYLE = (
    ":root { color-scheme: light dark }"
    " body { font: 1rem/1.5 system-ui, sans-serif; max-width: 48rem; margin: 3rem auto;"
    " padding: 0 1rem }"
    " pre { padding: 1rem; border: 1px solid; border-radius: 4px; white-space: pre-wrap;"
    " overflow-wrap: anywhere }"
)


def home_page(service: str, models: Sequence[ServedModel], url: str) -> str:
    """Return the page as HTML; `url` is where the caller asked, without a slash at its end."""
    name = escape(service)
    links = "".join(_link(path, what) for path, what in _LINKS.items())
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{name}</title>'
        '<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
        f"<style>{_STYLE}</style></head><body><h1>{name}</h1>"
        f"{_answering(models)}<ul>{links}</ul>{_asking(models, url)}</body></html>\n"
    )


def _link(path: str, what: str) -> str:
    return f'<li><a href="{path}">{path}</a>: {what}</li>'


def _answering(models: Sequence[ServedModel]) -> str:
    if not models:
        return "<p>No model is loaded.</p>"
    items = "".join(f"<li>{_named(model)}</li>" for model in models)
    return f"<p>Loaded:</p><ul>{items}</ul>"


def _named(model: ServedModel) -> str:
    known = model.identity
    return escape(f"{known.model_name}, version {known.model_version} ({known.kind.value})")


def _asking(models: Sequence[ServedModel], url: str) -> str:
    if not models:
        return ""
    return f"<p>Ask for a prediction:</p><pre>{escape(_curl(models[0], url))}</pre>"


def _curl(model: ServedModel, url: str) -> str:
    body = json.dumps({"input_data": {"features": [_row(model)]}}, ensure_ascii=False)
    lines = (
        f"curl {shlex.quote(url + '/predict')}",
        "-H 'content-type: application/json'",
        f"-d {shlex.quote(body)}",
    )
    return " \\\n  ".join(lines)


def _row(model: ServedModel) -> object:
    """Return the first row of the model's example, or one that its columns allow."""
    signature = model.signature
    [cells] = (model.example or signature.made_up_row).part(0, 1).cells
    return dict(zip(signature.names, cells, strict=True)) if signature.named else cells
