"""A bento of a service file with features, served by BentoML beside a real Feast server."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.serving.runtime.features.conftest import CREDIT_DATA, FeastServer
from tests.serving.served_models import RunningServer, ServedModels, example_service
from tests.serving.services.bentoml_server import serving
from tiffin.home import PROJECT
from tiffin.packaging.bento import LoggedModel, ensure_bento
from tiffin.packaging.content import tree_digest
from tiffin.services.spec import Kind, Service

LOOKED_UP = ("seniority", "home", "income")


def service(feast: FeastServer) -> Service:
    features = {
        "entity": "customer_id",
        "columns": LOOKED_UP,
        "store": {"feast": {"url": feast.url, "feature_service": "credit_risk"}},
        "timeout": "20s",
        "defaults": {"home": "rent"},
    }
    plain = example_service("credit-risk", Kind.CLASSIFICATION).model_dump()
    timeouts = {"request": "60s", "per_try": "30s"}
    return Service.model_validate(plain | {"features": features, "timeouts": timeouts})


@pytest.fixture(scope="module")
def server(
    feast: FeastServer, served: ServedModels, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    folder, artifact = tmp_path_factory.mktemp("by-key"), served.artifact("credit-risk:v1")
    model = LoggedModel(artifact, tree_digest(artifact))
    bento = ensure_bento(folder / "home", service(feast), model, PROJECT)
    with serving(folder, bento.tag, folder / "home", PYTHONPATH="") as running:
        yield running


def customer(number: int) -> dict[str, Any]:
    """Return the row of examples/data/credit_data.csv that Feast has for a customer."""
    with CREDIT_DATA.open(newline="") as stream:
        row: dict[str, Any] = list(csv.DictReader(stream))[number - 1]
    texts = ("home", "marital", "records", "job")
    return {
        name: row[name] if name in texts else int(row[name]) for name in row if name != "status"
    }


def by_key(number: int) -> dict[str, Any]:
    sent = {name: value for name, value in customer(number).items() if name not in LOOKED_UP}
    return {**sent, "customer_id": number}


@pytest.mark.timeout(400)
def test_a_key_is_answered_as_the_whole_row_is(server: RunningServer) -> None:
    whole = server.predict([customer(1), customer(2)]).json()
    keyed = server.predict([by_key(1), by_key(2)])
    assert keyed.status_code == 200, keyed.text
    fields = keyed.json()
    assert fields.pop("features_defaulted") == ["", ""]
    assert fields == whole


def test_what_feast_lacks_is_the_default_or_a_refusal(server: RunningServer) -> None:
    fields = server.predict([by_key(3)]).json()
    assert fields["features_defaulted"] == ["home"]
    expected = server.predict([{**customer(3), "home": "rent"}]).json()
    assert fields["probabilities"] == expected["probabilities"]
    refused = server.predict([{**by_key(3), "customer_id": 99}])
    assert refused.status_code == 400
    assert refused.json()["path"] == "input_data.features[0].seniority"


def test_lookups_are_in_the_metrics(server: RunningServer) -> None:
    server.predict([by_key(1)])
    page = requests.get(f"{server.url}/metrics", timeout=20).text
    assert 'feature_lookups_total{model_name="credit-risk"' in page
    assert 'outcome="found"' in page
