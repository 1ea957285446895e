from __future__ import annotations

from pathlib import Path

import pytest

from serving.runtime.features.section import EntityType, read_features
from serving.runtime.settings import BadSettingError
from tests.serving.served_models import example_service
from tiffin.home import PROJECT
from tiffin.packaging.recipe import recipe_for
from tiffin.services.spec import Kind, Service

GOOD = """
entity: customer_id
columns: [age, home]
store: {feast: {url: "http://127.0.0.1:6566", feature_service: credit_risk}}
timeout: 20ms
defaults: {age: 0, home: rent}
"""


def read(tmp_path: Path, text: str) -> object:
    file = tmp_path / "features.yaml"
    file.write_text(text)
    return read_features(file)


def test_reads_what_people_write_into_a_service_file(tmp_path: Path) -> None:
    (tmp_path / "features.yaml").write_text(GOOD)
    section = read_features(tmp_path / "features.yaml")
    assert (section.entity, section.entity_type) == ("customer_id", EntityType.INTEGER)
    assert section.timeout == 0.02
    assert section.defaults == {"age": 0, "home": "rent"}
    assert section.store.feast is not None
    assert section.store.feast.feature_service == "credit_risk"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("entity: customer_id\n", "", "entity: Field required"),
        ("timeout: 20ms", "timeout: soon", "timeout: "),
        ("timeout: 20ms", "timeout: 0ms", "timeout: "),
        ("defaults: {age: 0,", "defaults: {shoe_size: 0,", "shoe_size, which is not one of"),
        (", feature_service: credit_risk", "", "store.feast: .*feature_service or references"),
        ("feature_service: credit_risk", "references: ['credit:age']", "of each column once"),
        ("{feast: {url", "{file: /a, feast: {url", "store: .*either feast or file"),
        ("http:", "gopher:", "store.feast.url: "),
        ("entity:", "entitty: 1\nentity:", "entitty: "),
        (GOOD, "[1", "can't be read"),
        (GOOD, "", "the file: "),
    ],
)
def test_a_refusal_names_the_file_and_the_key(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    assert old in GOOD
    with pytest.raises(BadSettingError, match=f"features.yaml.*{words}"):
        read(tmp_path, GOOD.replace(old, new))


def test_refuses_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadSettingError, match=r"none.yaml can't be read"):
        read_features(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"entity_type": "text", "timeout": "2m"},
        {"store": {"file": "/customers.json"}, "defaults": {"age": 1.5, "home": True}},
        {"store": {"feast": {"url": "https://f", "references": ["a:age", "b:home"]}}},
    ],
)
def test_a_server_reads_what_packaging_has_written(tmp_path: Path, changes: object) -> None:
    features = {
        "entity": "customer_id",
        "columns": ["age", "home"],
        "store": {"feast": {"url": "http://feast:6566", "feature_service": "credit"}},
        **changes,  # type: ignore[dict-item]
    }
    plain = example_service("credit-risk", Kind.CLASSIFICATION).model_dump()
    timeouts = {"request": "10m", "per_try": "5m"}
    service = Service.model_validate(plain | {"features": features, "timeouts": timeouts})
    recipe = recipe_for(service, "ab" * 32, None, PROJECT, python="3.11")
    (tmp_path / "features.json").write_text(recipe.features)
    section = read_features(tmp_path / "features.json")
    spec = service.features
    assert spec is not None
    assert section.timeout == spec.timeout.total_seconds()
    said = section.model_dump(mode="json", exclude={"timeout"})
    assert said == spec.model_dump(mode="json", exclude={"timeout"})
