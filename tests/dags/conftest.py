from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest

from tiffin.home import PROJECT


@pytest.fixture(scope="session")
def dag_of() -> Callable[[str], Any]:
    """Return a function that reads a DAG file as Airflow does and returns its DAG."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Airflow's own imports warn of each other
        from airflow.dag_processing.dagbag import DagBag

        bag = DagBag(str(PROJECT / "dags"))
    return lambda name: bag.dags[name]
