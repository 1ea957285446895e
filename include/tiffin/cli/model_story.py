"""What `tiffin register` and `tiffin build` say, to people and as JSON. Pure."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tiffin.packaging.on_demand import Built
from tiffin.registration.findings import Findings
from tiffin.registration.registering import Registered
from tiffin.services.spec import Kind
from tiffin.services.yaml_file import shown

_WORDS = {"long": "whole number", "double": "number", "string": "text", "boolean": "true or false"}

Line = tuple[str, str]
"""A word for what it is about, and a sentence."""


@dataclass(frozen=True, slots=True)
class ServiceFile:
    """The service file of a registered model."""

    file: Path
    is_new: bool
    is_live: bool
    """Whether it is where the stack looks for service files."""
    kind: Kind
    ask: str
    """How to ask the service once it is deployed."""


def registered_json(
    registered: Registered, service: ServiceFile, page: str, tiffin: str = "tiffin"
) -> dict[str, Any]:
    """Return what docs/cli.md promises; `tiffin` is how the command is typed."""
    version = registered.version
    return {
        "model": version.name,
        "version": version.version,
        "created": registered.is_new,
        "url": page,
        **json.loads(registered.findings.as_json()),
        "service_file": str(service.file),
        "service_file_written": service.is_new,
        "next": next_step(registered, service, tiffin),
        "ask": service.ask,
    }


def registered_lines(
    registered: Registered, service: ServiceFile, page: str, tiffin: str = "tiffin"
) -> Iterator[Line]:
    """Say what was found, what it has become, and what to type next."""
    yield from _found(registered.findings)
    version = registered.version
    known = "" if registered.is_new else ", as it was already"
    yield "version", f"{version.name} {version.version}{known} ({page})"
    how = "written" if service.is_new else "was there; left as it is"
    yield "service", f"{shown(service.file)} ({how})"
    if service.kind is not registered.findings.kind:
        yield "note", f"the service file says kind: {service.kind.value}; this model is another"
    yield "next", next_step(registered, service, tiffin)
    if _is_deployable(registered, service):
        yield "then", service.ask


def next_step(registered: Registered, service: ServiceFile, tiffin: str) -> str:
    """Return what somebody would type next, or what to mend first."""
    name, version = registered.version.name, registered.version.version
    if service.kind is not registered.findings.kind:
        return "mend the service file (kind), or choose another --name"
    if _is_deployable(registered, service):
        return f"{tiffin} deploy {name} --version {version}"
    return f"{tiffin} build {name if service.is_live else shlex.quote(str(service.file))}:{version}"


def _is_deployable(registered: Registered, service: ServiceFile) -> bool:
    findings = registered.findings
    return service.kind is findings.kind and findings.truth is not None and service.is_live


def _found(findings: Findings) -> Iterator[Line]:
    yield "file", f"{findings.file}: {findings.estimator}, {findings.framework}"
    yield "kind", findings.kind.value
    yield (
        "reads",
        ", ".join(f"{name} ({_said(type_)})" for name, type_ in findings.features.items()),
    )
    yield "truth", f"{findings.truth or 'none'}: {findings.truth_why}"
    if findings.metrics:
        figures = ", ".join(f"{name} {value:.4g}" for name, value in findings.metrics.items())
        yield "metrics", f"{figures} (on {findings.rows} rows)"
    for note in findings.notes:
        yield "note", note
    if findings.truth is None:
        yield "note", "a release needs rows with the truth; register again with --data that has it"


def _said(column_type: str) -> str:
    """Return a signature's type in everybody's words."""
    return _WORDS.get(column_type, column_type)


def built_json(built: Built, bentoml_home: Path) -> dict[str, Any]:
    """Return what docs/cli.md promises."""
    inference = built.bento.inference
    return {
        "service": built.service.name,
        "model": built.version.name,
        "version": built.version.version,
        "bento": built.bento.tag,
        "digest": built.bento.digest,
        "engine": inference.engine if inference else None,
        "reason": inference.reason if inference else "the bento is one's own",
        "microseconds_of_one_row": dict(built.bento.microseconds),
        "path": str(built.path),
        "bentoml_home": str(bentoml_home),
    }


def built_lines(built: Built, bentoml_home: Path, bentoml: str = "bentoml") -> Iterator[Line]:
    """Say what was built, how fast it is, and how to serve it by hand.

    `bentoml` is how that command is typed.
    """
    said = built_json(built, bentoml_home)
    timings = built.bento.microseconds.items()
    times = ", ".join(f"{name} {took:.0f}" for name, took in timings if took is not None)
    yield "bento", f"{said['bento']}, of {said['model']} {said['version']}"
    yield "digest", said["digest"]
    yield "engine", f"{said['engine'] or 'its own'}: {said['reason']}"
    yield "one row", f"{times} microseconds" if times else "was not measured"
    yield "path", said["path"]
    yield "serve", f"BENTOML_HOME={shlex.quote(str(bentoml_home))} {bentoml} serve {said['bento']}"
