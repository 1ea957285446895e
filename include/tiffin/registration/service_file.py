"""The service file of somebody who has none yet: made from what was found out, and theirs then."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from pathlib import Path

from tiffin.errors import RefusedError
from tiffin.home import TiffinHome
from tiffin.ports import is_free
from tiffin.registration.findings import Findings
from tiffin.registration.metrics import GATES, SMALLER_IS_BETTER
from tiffin.services.catalog import ServiceFolder, load_service
from tiffin.services.schema import SCHEMA_FILE

_FIRST_PORT, _LAST_PORT = 3001, 4000
_SLACK = 0.02
_NO_TRUTH = "truth"
_ROOM = 0.05
"""How much worse than this version's a metric may be, as a part of it."""


def choose_gates(wished: Collection[str], findings: Findings) -> dict[str, float | None]:
    """Return the metrics that the service asks for, each with its floor.

    `wished` are `NAME` or `NAME=FLOOR`; without a wish, those that suit the kind. Raises
    RefusedError `bad-request` for a metric that was not measured.
    """
    if not wished:
        names = [name for name in GATES[findings.kind] if name in findings.metrics]
        return {name: _floor(name, findings.metrics[name]) for name in names}
    return dict(_gate(each, findings.metrics) for each in wished)


def _gate(wished: str, metrics: Mapping[str, float]) -> tuple[str, float | None]:
    name, _, floor = wished.partition("=")
    if name not in metrics:
        known = ", ".join(sorted(metrics)) or "none, without a sample that has the truth"
        raise RefusedError(
            f"the metric {name!r} was not measured; there are {known}", code="bad-request"
        )
    if not floor:
        return name, _floor(name, metrics[name])
    try:
        return name, float(floor)
    except ValueError:
        raise RefusedError(
            f"{floor!r} is no floor of {name}; write a number, as --metric {name}=0.8",
            code="bad-request",
        ) from None


def _floor(name: str, value: float) -> float | None:
    """Return what a later version must reach; None for what has no better or worse."""
    if name == "average_effect":
        return None
    room = _ROOM * abs(value)
    return float(f"{value + room if name in SMALLER_IS_BETTER else value - room:.3g}")


def free_port(folder: Path, home: TiffinHome) -> int:
    """Return the first port that no service file, no part of the stack, and nobody else has."""
    taken = {service.port for service in ServiceFolder(folder)} if folder.is_dir() else set()
    stack = {port for name, port in home.settings.items() if name != "offset"}
    for port in range(_FIRST_PORT, _LAST_PORT):
        moved = port + home.port_offset
        if port not in taken and moved not in stack and is_free(moved):
            return port
    raise RefusedError(
        f"no port from {_FIRST_PORT} to {_LAST_PORT} is free; end what listens there",
        code="port-taken",
    )


def skeleton(
    name: str, findings: Findings, gates: Mapping[str, float | None], port: int, file: Path
) -> str:
    """Return the text of a service file. Pure."""
    is_beside_schema = file.resolve().parent == SCHEMA_FILE.parent
    lines = [
        *([f"# yaml-language-server: $schema={SCHEMA_FILE.name}"] if is_beside_schema else []),
        f"# `tiffin register` wrote this for {findings.file}; it is yours now.",
        "# docs/settings.md has every key.",
        f"name: {name}",
        f"description: {json.dumps(f'Answers with {findings.file}.', ensure_ascii=False)}",
        f"model: {name}",
        f"kind: {findings.kind.value}",
        f"port: {port}",
        "",
        *_smoke(findings),
        "",
        *_validation(findings, gates),
    ]
    return "\n".join(lines) + "\n"


def _smoke(findings: Findings) -> list[str]:
    row = findings.example if isinstance(findings.example, dict) else list(findings.example)
    fields = ", ".join(findings.answers)
    return [
        "smoke:",
        "  - name: a row like those of the sample is answered",
        f"    body: {_body([row])}",
        f"    fields: [{fields}]",
        "  - name: a row without values is refused politely",
        f"    body: {_body([[]])}",
        "    status: 400",
        "    fields: [error]",
    ]


def _body(features: object) -> str:
    return json.dumps({"input_data": {"features": features}}, ensure_ascii=False)


def _validation(findings: Findings, gates: Mapping[str, float | None]) -> list[str]:
    if findings.truth is None:
        return [
            "validation:",
            "  target: truth  # name your column, and register again with --data",
        ]
    lines = ["validation:", f"  target: {json.dumps(findings.truth, ensure_ascii=False)}"]
    if gates:
        lines.append("  metrics:  # set the floors that you promise")
        lines += [f"    - {_said(name, floor)}" for name, floor in gates.items()]
    return lines


def _said(name: str, floor: float | None) -> str:
    if floor is None:
        return f"{{name: {name}}}"
    if name not in SMALLER_IS_BETTER:
        return f"{{name: {name}, floor: {floor:g}, slack: {_SLACK:g}}}"
    slack = float(f"{_SLACK * abs(floor):.3g}")
    return f"{{name: {name}, floor: {floor:g}, slack: {slack:g}, smaller_is_better: true}}"


def ensure_service_file(file: Path, text: str) -> bool:
    """Write the file if it isn't there, whole and valid; return whether it was written."""
    if file.exists():
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    try:
        load_service(draft)
        os.link(draft, file)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True
