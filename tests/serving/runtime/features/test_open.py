"""From a features file to a server whose own model may be asked by key, and no other."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from serving.runtime.features.keyed_model import KeyedModel
from serving.runtime.features.open import open_features
from serving.runtime.identity import Identity, ModelKind
from serving.runtime.settings import ServerSettings
from serving.services.model_server import ModelServer
from tests.serving.services.tiny_artifact import tiny_artifact

RECORDS = [{"customer_id": 1, "b": 2.0}]


def features_file(folder: Path, store: object) -> Path:
    file = folder / "features.json"
    fields = {"entity": "customer_id", "columns": ["b"], "store": store}
    file.write_bytes(orjson.dumps(fields))
    return file


def records_file(folder: Path) -> Path:
    file = folder / "customers.json"
    file.write_bytes(orjson.dumps(RECORDS))
    return file


def test_a_server_without_features_loads_plain_models(tmp_path: Path) -> None:
    server = ModelServer("service", ServerSettings(), ModelKind.REGRESSION, "tiny")
    assert server.features is None
    assert type(server.load(tiny_artifact(tmp_path / "tiny"), identity("tiny"))) is not KeyedModel


def test_the_services_own_model_is_asked_by_key_and_no_other(tmp_path: Path) -> None:
    file = features_file(tmp_path, {"file": str(records_file(tmp_path))})
    settings = ServerSettings(features_file=file)
    server = ModelServer("service", settings, ModelKind.REGRESSION, "tiny")
    artifact = tiny_artifact(tmp_path / "tiny")
    own, other = server.load(artifact, identity("tiny")), server.load(artifact, identity("other"))
    assert isinstance(own, KeyedModel)
    assert own.signature.by_key is not None
    assert type(other) is not KeyedModel
    assert other.signature.by_key is None


def identity(name: str) -> Identity:
    return Identity("service", name, "1", "v1", ModelKind.REGRESSION)


def test_a_file_that_holds_no_records_is_refused_when_the_server_starts(tmp_path: Path) -> None:
    file = features_file(tmp_path, {"file": str(tmp_path / "none.json")})
    with pytest.raises(ValueError, match=r"none.json can't be read"):
        open_features(file)


def test_a_feast_server_need_not_be_there_yet(tmp_path: Path) -> None:
    feast = {"url": "http://127.0.0.1:1", "feature_service": "credit"}
    assert open_features(features_file(tmp_path, {"feast": feast})).section.columns == ("b",)
