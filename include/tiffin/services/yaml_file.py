"""A YAML file as plain data that still knows its lines, so that a refusal can name them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tiffin.errors import RefusedError
from tiffin.home import PROJECT

if TYPE_CHECKING:
    from ruamel.yaml.error import MarkedYAMLError
    from ruamel.yaml.nodes import Node

BAD_FILE = "bad-service-file"
_LARGEST = 256 * 1024


@dataclass(frozen=True)
class YamlFile:
    """What a file holds, and where."""

    name: str
    data: Any
    node: Node | None

    def where(self, path: tuple[str | int, ...]) -> str:
        """Return "file:line" of a key, or of the nearest thing above a key that isn't there."""
        return f"{self.name}:{self.line(path)}"

    def line(self, path: tuple[str | int, ...]) -> int:
        """Return the line of a key, counted from 1."""
        node, line = self.node, 0
        for part in path:
            found = _child(node, part)
            if found is None:
                break
            line, node = found
        return line + 1


def _child(node: Node | None, part: str | int) -> tuple[int, Node] | None:
    """Return a child's line, counted from 0, and the child."""
    from ruamel.yaml.nodes import MappingNode, SequenceNode

    if isinstance(node, MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return key.start_mark.line, value
    if isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part].start_mark.line, node.value[part]
    return None


def read_yaml(file: Path) -> YamlFile:
    """Read a YAML 1.2 file; RefusedError when it is missing, no YAML, or tricky.

    Refused besides broken syntax: repeated keys (the last would silently win), aliases (a few
    lines of them can grow to gigabytes), tags that make objects, and more than 256 KiB.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    name, text = shown(file), _text(file)
    yaml = YAML(typ="safe", pure=True)
    try:
        node = yaml.compose(text)
        _refuse_aliases(name, node)
        data = yaml.constructor.construct_document(node) if node is not None else None
    except MarkedYAMLError as error:
        raise refused(f"{name}{_marked_line(error)}: {_problem(error)}") from None
    except (YAMLError, ValueError) as error:
        raise refused(f"{name}: this is no YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise refused(f"{name}: it is nested too deep; flatten it") from None
    return YamlFile(name, data, node)


def shown(file: Path) -> str:
    """Return a file's name as people know it: from the project's folder on, or as given."""
    return str(file.relative_to(PROJECT)) if file.is_relative_to(PROJECT) else str(file)


def refused(message: str) -> RefusedError:
    """Return the one error that service files are refused with."""
    return RefusedError(message, code=BAD_FILE)


def _text(file: Path) -> str:
    try:
        content = file.read_bytes()
    except OSError as error:
        why = (error.strerror or "unknown error").lower()
        raise refused(f"{shown(file)}: can't be read: {why}") from None
    if len(content) > _LARGEST:
        raise refused(f"{shown(file)}: larger than {_LARGEST // 1024} KiB; is it a service file?")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise refused(f"{shown(file)}:{line}: this is not UTF-8; save it as UTF-8") from None


def _refuse_aliases(name: str, root: Node | None) -> None:
    """Refuse a node that is reached twice; a list, not recursion, because nodes nest deep."""
    seen: set[int] = set()
    waiting = [root] if root is not None else []
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            line = node.start_mark.line + 1
            raise refused(f"{name}:{line}: aliases (&, *) are not allowed; write the value again")
        seen.add(id(node))
        waiting += _children(node)


def _children(node: Node) -> list[Node]:
    from ruamel.yaml.nodes import MappingNode, SequenceNode

    if isinstance(node, MappingNode):
        return [child for pair in node.value for child in pair]
    return list(node.value) if isinstance(node, SequenceNode) else []


def _marked_line(error: MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    return "" if mark is None else f":{mark.line + 1}"


def _problem(error: MarkedYAMLError) -> str:
    """Return the parser's complaint in one line."""
    words = " ".join((error.problem or error.context or "this is no YAML").split())
    return words.replace("could not determine a constructor for the tag", "tags are refused:")
