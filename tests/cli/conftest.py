"""A platform of in-memory adapters: version 1 of iris is live, version 2 ramps at 10 %."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tiffin.cli import release_commands
from tiffin.platform import Platform
from tiffin.registry.memory_registry import MemoryRegistry
from tiffin.release.phases import Phase
from tiffin.release.records import Records
from tiffin.release.release import Release, ReleaseRequest
from tiffin.services.catalog import ServiceCatalog
from tiffin.services.spec import Service
from tiffin.targets.memory_target import MemoryTarget
from tiffin.targets.target import Revision
from tiffin.traffic.memory_counters import MemoryCounters
from tiffin.traffic.memory_router import MemoryRouter
from tiffin.traffic.split import Backend, Endpoint, Split

RELEASE = "iris-v2-1"
_SERVICES = [
    Service.model_validate(
        {
            "name": name,
            "model": "iris",
            "kind": "classification",
            "port": port,
            "smoke": [{"name": "one", "body": {}}],
            "validation": {"target": "species"},
        }
    )
    for name, port in (("iris", 3001), ("roses", 3002))
]


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    records = Records(f"sqlite:///{tmp_path}/records.db")
    records.ensure_schema()
    made = Platform(
        catalog=ServiceCatalog(tuple(_SERVICES)),
        registry=_registry(tmp_path),
        target=MemoryTarget(),
        router=MemoryRouter(),
        counters=MemoryCounters(),
        records=records,
        bento_store=tmp_path / "bentoml",
        workspace=tmp_path / "releases",
    )
    _ramp(made)
    yield made
    records._engine.dispose()


@pytest.fixture
def as_installed(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Platform:
    """The commands work with this platform."""
    monkeypatch.setattr(release_commands, "embedded_platform", lambda: platform)
    return platform


def _registry(folder: Path) -> MemoryRegistry:
    registry = MemoryRegistry(folder / "registry")
    artifact = folder / "artifact"
    artifact.mkdir()
    (artifact / "MLmodel").write_text("flavors: {}\n")
    for _ in range(2):
        registry.publish("iris", artifact, metrics={"accuracy": 0.9})
    return registry


def _ramp(platform: Platform) -> None:
    now = datetime.now(UTC)
    candidate = Revision("iris", "v2-bb", "iris", "2", "iris:bb", "iris:bb@sha256:bb")
    backends = (
        Backend("v1-aa", Endpoint("127.0.0.1", 1), 9000),
        Backend("v2-bb", Endpoint("127.0.0.1", 2), 1000),
    )
    release = Release(
        id=RELEASE,
        service="iris",
        model="iris",
        version="2",
        actor="ada",
        phase=Phase.RAMPING,
        begun_at=now,
        changed_at=now,
        request=ReleaseRequest(service="iris", actor="ada", version="2"),
        stable="v1-aa",
        candidate=candidate,
    )
    platform.records.open(release)
    platform.router.take_over("iris", RELEASE, generation=0)
    platform.router.write(Split("iris", 3001, backends, "v1-aa"), release=RELEASE)
