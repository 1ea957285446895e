from __future__ import annotations

from pathlib import Path

import pytest

from tiffin.packaging.content import forget_creation_times, tree_digest


def folder_with(place: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    return place


FILES = {"a.txt": "one", "sub/b.txt": "two"}


def test_two_folders_with_the_same_content_have_one_digest(tmp_path: Path) -> None:
    one = folder_with(tmp_path / "one", FILES)
    other = folder_with(tmp_path / "other", dict(reversed(FILES.items())))
    assert tree_digest(one) == tree_digest(other)


@pytest.mark.parametrize(
    "changed",
    [
        {"a.txt": "One", "sub/b.txt": "two"},
        {"a.txt": "one", "b.txt": "two"},
        {"a.txt": "one"},
        {"a.txt": "one", "sub/b.txt": "two", "c.txt": ""},
        {"a.txt": "two", "sub/b.txt": "one"},
    ],
)
def test_any_other_content_has_another_digest(tmp_path: Path, changed: dict[str, str]) -> None:
    one = folder_with(tmp_path / "one", FILES)
    assert tree_digest(one) != tree_digest(folder_with(tmp_path / "other", changed))


def test_a_file_that_moves_to_the_next_folder_changes_the_digest(tmp_path: Path) -> None:
    one, other, empty = (folder_with(tmp_path / name, {}) for name in ("one", "other", "empty"))
    for place in (one, other, empty):
        place.mkdir(exist_ok=True)
    (one / "a").write_text("x")
    assert tree_digest(one, empty) != tree_digest(empty, one)


def test_bytecode_that_serving_leaves_behind_does_not_count(tmp_path: Path) -> None:
    one = folder_with(tmp_path / "one", FILES)
    before = tree_digest(one)
    folder_with(one, {"sub/__pycache__/b.cpython-311.pyc": "bytes"})
    assert tree_digest(one) == before


def test_forgets_creation_times_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "bento.yaml"
    file.write_text(
        "name: a\ncreation_time: '2026-11-21'\nmodels:\n- creation_time: '2026'\n  x: 1\n"
    )
    forget_creation_times(file)
    once = file.read_text()
    epoch = "'1970-01-01T00:00:00.000000+00:00'"
    assert once == f"name: a\ncreation_time: {epoch}\nmodels:\n- creation_time: {epoch}\n  x: 1\n"
    forget_creation_times(file)
    assert file.read_text() == once
