"""All DAG files parse, quickly, without a connection, without what only running tasks need."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tiffin.home import PROJECT

HEAVY = ("mlflow", "bentoml", "great_expectations", "pandas", "sklearn", "skops", "fastapi")
_PARSE = f"""
import json, socket, sys, time
import airflow.sdk, airflow.providers.standard.operators.hitl
from airflow.dag_processing.dagbag import DagBag

before = set(sys.modules)

def refused(*_):
    raise OSError("a DAG file wants a connection")

socket.socket.connect = refused
began = time.process_time()
bag = DagBag({str(PROJECT / "dags")!r})
print(json.dumps({{
    "dags": sorted(bag.dags),
    "errors": bag.import_errors,
    "heavy": sorted({{name.split(".")[0] for name in set(sys.modules) - before}} & set({HEAVY!r})),
    "seconds": time.process_time() - began,
}}))
"""


@pytest.fixture(scope="module")
def parsed(tmp_path_factory):
    home = tmp_path_factory.mktemp("airflow")
    environment = {**os.environ, "AIRFLOW_HOME": str(home), "TIFFIN_HOME": str(home / "tiffin")}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _PARSE],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert not (home / "tiffin").exists()
    return json.loads(done.stdout.splitlines()[-1])


def test_all_dags_parse_without_a_connection(parsed):
    assert parsed["errors"] == {}
    assert parsed["dags"] == ["deploy_model", "reconcile_registry", "rollback_model"]


def test_parsing_imports_nothing_heavy(parsed):
    assert parsed["heavy"] == []


def test_parsing_takes_little_of_the_time_that_every_task_pays(parsed):
    assert parsed["seconds"] < 2.0


@pytest.mark.parametrize("file", sorted((PROJECT / "dags").glob("*.py")), ids=lambda f: f.stem)
def test_a_dag_file_is_one_screen(file):
    assert len(file.read_text().splitlines()) <= 65
