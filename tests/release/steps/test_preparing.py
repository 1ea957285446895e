from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pytest

from tests.serving.served_models import ServedModels, example_service
from tiffin.errors import MeasuredBadError
from tiffin.platform import Platform
from tiffin.registry.memory_registry import MemoryRegistry
from tiffin.release.phases import Phase
from tiffin.release.records import Records
from tiffin.release.release import Release, ReleaseRequest
from tiffin.release.steps.opening import try_open_release
from tiffin.release.steps.preparing import ensure_packaged
from tiffin.services.catalog import ServiceCatalog
from tiffin.services.spec import Kind, Service
from tiffin.targets.memory_target import MemoryTarget
from tiffin.traffic.memory_counters import MemoryCounters
from tiffin.traffic.memory_router import MemoryRouter

pytestmark = pytest.mark.timeout(400)

NAME = "job-training"


def platform_with(served: ServedModels, folder: Path, **inference: Any) -> Platform:
    """A platform with one validated version of a model whose service has this `inference`."""
    fields = example_service(NAME, Kind.CAUSAL).model_dump() | {"inference": inference}
    registry = MemoryRegistry(folder / "registry")
    artifact, data = served.artifact(f"{NAME}:v1"), served.evaluation(f"{NAME}:v1")
    registry.publish(NAME, artifact, metrics={}, evaluation_data=data)
    records = Records(f"sqlite:///{folder}/records.db")
    records.ensure_schema()
    return Platform(
        catalog=ServiceCatalog((Service.model_validate(fields),)),
        registry=registry,
        target=MemoryTarget(),
        router=MemoryRouter(),
        counters=MemoryCounters(),
        records=records,
        bento_store=folder / "bentoml",
        workspace=folder / "releases",
    )


def packaged(platform: Platform) -> Release:
    opened = try_open_release(platform, ReleaseRequest(NAME, "admin", version="1"), f"{NAME}-v1-1")
    assert isinstance(opened, Release)
    platform.records.move(opened.id, Phase.VALIDATING)
    return ensure_packaged(platform, opened.id)


def test_the_ledger_and_the_registry_say_which_engine_answers_and_why(
    served: ServedModels, tmp_path: Path
) -> None:
    platform = platform_with(served, tmp_path)
    release = packaged(platform)
    (entry,) = platform.records.entries(release.id, "packaged")
    assert entry.body["engine"] == "onnxruntime"
    assert entry.body["compared"]["evaluation rows"]["disagreeing"] == 0
    assert entry.body["microseconds_of_one_row"].keys() == {"native", "onnxruntime"}
    logged = json.loads(Path(urlparse(entry.body["report"]).path).read_text())
    assert logged == {name: found for name, found in entry.body.items() if name != "report"}


def test_a_model_that_disagrees_ends_the_release_of_a_service_that_insists(
    served: ServedModels, tmp_path: Path
) -> None:
    platform = platform_with(served, tmp_path, engine="onnx", tolerance=1e-18)
    with pytest.raises(MeasuredBadError) as refused:
        packaged(platform)
    assert refused.value.code == "onnx-disagrees"
