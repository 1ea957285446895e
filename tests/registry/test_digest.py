from __future__ import annotations

from pathlib import Path

from tiffin.registry.digest import tree_digest


def _tree(folder: Path, **files: str) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def test_the_same_files_elsewhere_have_the_same_digest(tmp_path):
    first = _tree(tmp_path / "here", MLmodel="x", model="y")
    assert tree_digest(first) == tree_digest(_tree(tmp_path / "there", model="y", MLmodel="x"))


def test_a_changed_byte_or_name_changes_the_digest(tmp_path):
    trees = [{"MLmodel": "x"}, {"MLmodel": "y"}, {"mlmodel": "x"}, {"MLmodel": "x", "more": ""}]
    digests = {tree_digest(_tree(tmp_path / str(i), **tree)) for i, tree in enumerate(trees)}
    assert len(digests) == len(trees)


def test_what_mlflow_adds_to_some_downloads_does_not_count(tmp_path):
    plain = _tree(tmp_path / "plain", MLmodel="x")
    decorated = _tree(tmp_path / "decorated", MLmodel="x", registered_model_meta="version: 7")
    assert tree_digest(plain) == tree_digest(decorated)
