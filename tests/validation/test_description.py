from __future__ import annotations

import json

import pytest

from tiffin.validation.description import BadDescriptionError, read_description

TENSOR = [{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 4]}}]


def test_reads_named_columns_and_plain_arrays(trained):
    assert read_description(trained.artifact).inputs == ("age", "debt")
    trained.describe(signature={"inputs": json.dumps(TENSOR)})
    said = read_description(trained.artifact)
    assert (said.inputs, said.width) == (None, 4)


@pytest.mark.parametrize(("text", "said"), [
    ("", "no mapping"),
    ("a: [", "can't be read as YAML"),
    ("!!python/object/apply:os.system [touch ran]", "can't be read as YAML"),
    ("\xff", "no mapping"),
    ("flavors: {}", "no flavor"),
    ("flavors: {sklearn: 1}", "no mapping"),
    ("flavors: {sklearn: {}}", "no signature"),
    ("flavors: {sklearn: {}}\nsignature: {inputs: '{'}", "can't be read"),
    ("flavors: {sklearn: {}}\nsignature: {inputs: '[{}]'}", "can't be read"),
])  # fmt: skip
def test_refuses_what_a_server_could_not_go_by(trained, text, said):
    (trained.artifact / "MLmodel").write_text(text)
    with pytest.raises(BadDescriptionError, match=said):
        read_description(trained.artifact)


def test_refuses_an_artifact_without_description(trained):
    (trained.artifact / "MLmodel").unlink()
    with pytest.raises(BadDescriptionError, match="no MLmodel"):
        read_description(trained.artifact)


def test_names_the_file_of_a_python_function(trained):
    trained.describe(flavors={"python_function": {"python_model": "python_model.pkl"}})
    assert "python_model.pkl" in set(read_description(trained.artifact).named_files)
