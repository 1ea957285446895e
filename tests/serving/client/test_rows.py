from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from serving.client.protocols.codec import Target
from serving.client.protocols.invocations import Invocations
from serving.client.protocols.predict import Predict
from serving.client.rows import table_of
from serving.client.tensors import UnsendableError
from tiffin.home import PROJECT


@pytest.mark.parametrize(
    "rows",
    [
        None,
        "rows",
        b"rows",
        7,
        [],
        {},
        {"age": 30},
        np.array([1.0, 2.0]),
        np.zeros((0, 2)),
        np.zeros((1, 2, 3)),
        pd.DataFrame(),
        pd.DataFrame({"age": []}),
        iter([[1]]),
    ],
    ids=str,
)
def test_what_are_no_rows_is_refused(rows: Any) -> None:
    with pytest.raises(UnsendableError):
        table_of(rows)


@pytest.mark.parametrize(
    "rows", [[[1, 2], [1]], [[1], {"a": 1}], [{"a": 1}, {"b": 1}], ["ab", "cd"], [1, 2]], ids=str
)
def test_rows_that_differ_are_no_tensor(rows: Any) -> None:
    with pytest.raises(UnsendableError, match="rows must be lists of one length"):
        table_of(rows).tensors()


@pytest.mark.parametrize("cell", [Decimal(1), {1, 2}, object(), 1j, pd.NA], ids=str)
def test_a_cell_that_json_does_not_have_is_refused(cell: Any) -> None:
    with pytest.raises(UnsendableError, match="can't be sent"):
        Predict().question(table_of([[cell]]), Target())


def test_a_frame_with_numbers_for_names_is_a_plain_array() -> None:
    assert table_of(pd.DataFrame([[1.0, 2.0]])).column_names is None
    assert table_of(pd.DataFrame({"a": [1.0]})).column_names == ("a",)


def test_mlflow_gets_records_only_where_every_row_has_the_same_columns() -> None:
    body = Invocations().question(table_of([{"a": 1}, {"a": 2}]), Target()).body
    assert body == b'{"dataframe_records":[{"a":1},{"a":2}]}'
    body = Invocations().question(table_of([{"a": 1}, {"b": 2}]), Target()).body
    assert body.startswith(b'{"inputs"')


def test_importing_and_using_the_client_imports_no_science_and_no_server() -> None:
    script = """
import sys
from serving.client import Client, ClientError
for protocol in ("predict", "open-inference-binary", "grpc"):
    with Client("http://127.0.0.1:9", protocol=protocol, model="m") as client:
        try:
            client.predict([{"a": 1.0}])
        except ClientError:
            pass
print(*sorted(set(sys.modules) & {"numpy", "pandas", "sklearn", "bentoml", "starlette", "uvicorn"}))
print(*sorted(name for name in sys.modules if name.startswith("serving.")
              and not name.startswith("serving.client")))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=PROJECT, timeout=60
    )
    assert done.stderr == ""
    heavy, ours = done.stdout.split("\n")[:2]
    assert heavy == ""
    assert ours.split() == [
        "serving.runtime",
        "serving.runtime.grpc",
        "serving.runtime.grpc.open_inference_pb2",
    ]
