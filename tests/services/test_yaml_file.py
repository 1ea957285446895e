"""YAML files that still know their lines."""

import pytest

from tiffin.errors import RefusedError
from tiffin.home import PROJECT
from tiffin.services.yaml_file import read_yaml, shown


def test_knows_the_line_of_every_key_and_item(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text("a:\n  b: 1\n  c:\n    - x\n    - d: 2\n")
    document = read_yaml(file)
    assert document.data == {"a": {"b": 1, "c": ["x", {"d": 2}]}}
    assert document.line(("a", "b")) == 2
    assert document.where(("a", "c", 1, "d")) == f"{file}:5"


def test_a_key_that_is_not_there_has_the_line_of_what_is_above_it(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text("x: 1\na:\n  b: 1\n")
    assert read_yaml(file).line(("a", "missing", "deeper")) == 2


def test_reads_yaml_1_2_where_no_is_a_word(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text("records: no\nat: 12:30\n")
    assert read_yaml(file).data == {"records": "no", "at": "12:30"}


@pytest.mark.parametrize("value", ["!!int x", "2001-99-99", "{1: a, 1: b}", '"\\q"', "b: c"])
def test_refuses_broken_values_with_one_sentence(tmp_path, value):
    file = tmp_path / "a.yaml"
    file.write_text(f"a: {value}\n")
    with pytest.raises(RefusedError, match=r"a\.yaml.*\[bad-service-file\]") as caught:
        read_yaml(file)
    assert "\n" not in caught.value.message


def test_names_a_file_of_the_project_from_the_projects_folder_on(tmp_path):
    assert shown(PROJECT / "include" / "services" / "x.yaml") == "include/services/x.yaml"
    assert shown(tmp_path) == str(tmp_path)
