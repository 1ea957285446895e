"""The published JSON schema agrees with the code, and the service files with both."""

import json

import jsonschema
import pytest

from tiffin.services.catalog import load_service, service_files
from tiffin.services.schema import SCHEMA_FILE, publish, service_schema
from tiffin.services.yaml_file import read_yaml

FILES = service_files(SCHEMA_FILE.parent)


def test_the_published_schema_is_what_the_code_says():
    assert SCHEMA_FILE.read_text(encoding="utf-8") == service_schema(), (
        "the schema is stale: run `python -m tiffin.services.schema`"
    )


def test_publishing_twice_writes_the_same(tmp_path):
    file = tmp_path / "schema.json"
    publish(file)
    publish(file)
    assert file.read_text(encoding="utf-8") == service_schema()
    assert list(tmp_path.iterdir()) == [file]


def test_the_schema_is_a_schema_and_its_defaults_are_as_people_write_them():
    schema = json.loads(service_schema())
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$defs"]["Rollout"]["properties"]["look_every"]["default"] == "10s"
    assert schema["properties"]["timeouts"]["default"] == {"request": "5s", "per_try": "1s"}


def test_every_key_is_described():
    schema = json.loads(service_schema())
    sections = [schema, *(part for part in schema["$defs"].values() if "properties" in part)]
    keys = [(s["title"], name, key) for s in sections for name, key in s["properties"].items()]
    bare = [f"{t}.{name}" for t, name, key in keys if not key.keys() & {"description", "$ref"}]
    assert bare == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_service_files_pass_the_code_and_the_schema(file):
    load_service(file)
    jsonschema.validate(read_yaml(file).data, json.loads(service_schema()))
