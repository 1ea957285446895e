"""Every environment variable and every key of a service file is in docs/settings.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from pydantic import BaseModel

from tiffin.home import DEFAULT_PORTS
from tiffin.services.spec import Service

PROJECT = Path(__file__).resolve().parents[2]
PAGE = (PROJECT / "docs/settings.md").read_text()
SOURCES = ("include/tiffin", "plugins", "serving", "dags", "examples", "benchmarks")


def variables_of_the_project() -> set[str]:
    files = [file for folder in SOURCES for file in (PROJECT / folder).rglob("*.py")]
    names = {
        name
        for file in [*files, PROJECT / "Makefile"]
        if file.exists()
        for name in re.findall(r"\bTIFFIN_[A-Z_]*[A-Z]\b(?!_)", file.read_text())
    }
    ports = {f"TIFFIN_PORT_{name.upper().replace('-', '_')}" for name in DEFAULT_PORTS}
    return names - {"TIFFIN_PORT"} | ports


def keys_of(section: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in section.model_fields.items():
        yield f"{prefix}{name}"
        for inner in sections_in(field.annotation):
            yield from keys_of(inner, f"{prefix}{name}.")


def sections_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from sections_in(argument)


def documented(pattern: str) -> set[str]:
    return set(re.findall(rf"^\| `({pattern})` \|", PAGE, re.MULTILINE))


def test_every_environment_variable_is_documented_and_none_that_is_gone() -> None:
    assert documented("TIFFIN_[A-Z0-9_]+") == variables_of_the_project()


def test_every_key_of_a_service_file_is_documented_and_none_that_is_gone() -> None:
    assert documented("[a-z_.]+") == set(keys_of(Service))
