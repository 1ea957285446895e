"""Every error code has its section in docs/errors.md, and no section outlives its code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
SOURCES = ("include/tiffin", "plugins", "serving", "dags", "examples")
_CODE = re.compile(r"[a-z]+(-[a-z]+)*")


def codes_in(source: str) -> set[str]:
    """Return the strings given as `code=`, directly or by a name that the module assigns."""
    tree = ast.parse(source)
    given = [
        node.value for node in ast.walk(tree) if isinstance(node, ast.keyword) and is_code(node)
    ]
    names = {part.id for value in given for part in ast.walk(value) if isinstance(part, ast.Name)}
    given += [node.value for node in ast.walk(tree) if assigns_one_of(node, names)]
    strings = [part.value for value in given for part in ast.walk(value) if is_string(part)]
    return {text for text in strings if _CODE.fullmatch(text)}


def is_code(keyword: ast.keyword) -> bool:
    return keyword.arg == "code"


def assigns_one_of(node: ast.AST, names: set[str]) -> bool:
    if not isinstance(node, ast.Assign):
        return False
    return any(isinstance(target, ast.Name) and target.id in names for target in node.targets)


def is_string(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def codes_of_the_project() -> set[str]:
    files = [file for folder in SOURCES for file in (PROJECT / folder).rglob("*.py")]
    return {code for file in files for code in codes_in(file.read_text())}


def documented() -> list[str]:
    return re.findall(r"^## `([a-z-]+)`$", (PROJECT / "docs/errors.md").read_text(), re.MULTILINE)


def test_every_error_code_has_a_section() -> None:
    assert sorted(codes_of_the_project() - set(documented())) == []


def test_no_section_describes_a_code_that_is_gone() -> None:
    assert sorted(set(documented()) - codes_of_the_project()) == []


def test_the_sections_are_in_order_and_none_is_there_twice() -> None:
    assert documented() == sorted(set(documented()))


def test_every_section_says_what_happened_and_what_to_do() -> None:
    page = (PROJECT / "docs/errors.md").read_text()
    sections = re.split(r"^## ", page, flags=re.MULTILINE)[1:]
    lacking = [section.split("\n")[0] for section in sections if "**Do:**" not in section]
    assert lacking == []


def test_codes_are_found_in_calls_and_in_assignments() -> None:
    source = 'word = "one-code" if bad else "two-codes"\nE("x", code=word)\nE("y", code="three")'
    assert codes_in(source) == {"one-code", "two-codes", "three"}
