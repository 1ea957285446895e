from __future__ import annotations

import pytest

from serving.loadtest.bodies import invented_bodies, read_bodies, row_of
from serving.services.openapi import openapi
from tests.serving.runtime.small_models import model_of


def test_reads_one_body_per_line_of_a_jsonl_file(tmp_path):
    file = tmp_path / "bodies.jsonl"
    file.write_text('{"a": 1}\n\n{"a": 2}\n')
    assert read_bodies(file) == [b'{"a": 1}', b'{"a": 2}']


def test_reads_a_json_file_whole(tmp_path):
    file = tmp_path / "body.json"
    file.write_text('{"a":\n1}')
    assert read_bodies(file) == [b'{"a":\n1}']


def test_makes_up_a_row_from_a_servers_description():
    assert row_of(openapi("service", [model_of()], with_admin=False)) == {"a": 1.0, "b": 1.0}


def test_says_what_to_do_where_nobody_describes_a_model():
    with pytest.raises(ValueError, match="give --body-file"):
        invented_bodies("http://127.0.0.1:1")
