"""A platform whose adapters are the in-memory ones, with callers who send steady traffic."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tiffin.platform import Platform
from tiffin.registry.memory_registry import MemoryRegistry
from tiffin.registry.model_version import CHAMPION
from tiffin.release.phases import Phase
from tiffin.release.records import Records
from tiffin.release.release import Release, ReleaseRequest, revision_of
from tiffin.release.steps.opening import try_open_release
from tiffin.release.steps.promoting import first_split
from tiffin.services.catalog import ServiceCatalog
from tiffin.services.spec import Service
from tiffin.targets.memory_target import MemoryTarget
from tiffin.traffic.memory_counters import MemoryCounters
from tiffin.traffic.memory_router import MemoryRouter
from tiffin.traffic.split import WHOLE, Backend

SERVICE = {
    "name": "iris",
    "model": "iris",
    "kind": "classification",
    "port": 3001,
    "smoke": [{"name": "one", "body": {}}],
    "validation": {"target": "species"},
    "objective": {"margin": 0.03},
    "rollout": {
        "strategy": "adaptive",
        "look_every": "20ms",
        "harm_budget": 60,
        "deadline": "20s",
    },
    "watch": "100ms",
    "rollback_window": "1h",
}


class Callers:
    """Sends requests to the Revisions as the router splits them; each errs as told."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self.error_rates: dict[str, float] = defaultdict(float)
        self.per_tick = 40
        self._stop = threading.Event()
        self._owed: dict[tuple[str, str], float] = defaultdict(float)
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Callers:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.005):
            for service in self._platform.router.services():
                self._send(service)

    def _send(self, service: str) -> None:
        route = self._platform.router.read(service)
        counters = self._platform.counters
        assert route is not None
        assert isinstance(counters, MemoryCounters)
        for backend in route.split.backends:
            share = self.per_tick * backend.weight / WHOLE
            requests = self._whole((backend.revision, "requests"), share)
            bad = self._whole(
                (backend.revision, "bad"), requests * self.error_rates[backend.revision]
            )
            counters.count(service, backend.revision, good=requests - bad, bad=bad)

    def _whole(self, key: tuple[str, str], amount: float) -> int:
        self._owed[key] += amount
        whole = int(self._owed[key])
        self._owed[key] -= whole
        return whole


@pytest.fixture
def service() -> Service:
    return Service.model_validate(SERVICE)


@pytest.fixture
def platform(tmp_path: Path, service: Service) -> Platform:
    """Version 1 of iris is live and champion; versions 2 and 3 are registered."""
    registry = MemoryRegistry(tmp_path / "registry")
    artifact = tmp_path / "artifact"
    artifact.mkdir()
    (artifact / "MLmodel").write_text("flavors: {}\n")
    for _ in range(3):
        registry.publish("iris", artifact, metrics={"accuracy": 0.9})
    records = Records(f"sqlite:///{tmp_path}/records.db")
    records.ensure_schema()
    platform = Platform(
        catalog=ServiceCatalog((service,)),
        registry=registry,
        target=MemoryTarget(),
        router=MemoryRouter(),
        counters=MemoryCounters(),
        records=records,
        bento_store=tmp_path / "bentoml",
        workspace=tmp_path / "releases",
    )
    _make_live(platform, service, "1")
    return platform


@pytest.fixture
def callers(platform: Platform) -> Iterator[Callers]:
    with Callers(platform) as callers:
        yield callers


@pytest.fixture
def ready_to_ramp(platform: Platform, service: Service) -> Callable[..., Release]:
    """Return a function that takes a release of a version up to the end of its smoke test."""

    def prepare(version: str = "2", release_id: str = "", **asked: object) -> Release:
        request = ReleaseRequest("iris", "admin", version=version, **asked)  # type: ignore[arg-type]
        opened = try_open_release(platform, request, release_id or f"iris-v{version}-1")
        assert isinstance(opened, Release)
        return _smoked(platform, service, opened)

    return prepare


def _smoked(platform: Platform, service: Service, release: Release) -> Release:
    tag = f"iris:{'abcdef01' * 2}"
    candidate = revision_of(service, release.version, tag, f"{tag}@sha256:0")
    for phase in (Phase.VALIDATING, Phase.PACKAGING, Phase.BUILDING):
        platform.records.move(release.id, phase, candidate=candidate)
    platform.records.move(release.id, Phase.STARTING)
    endpoint = platform.target.ensure_started(candidate).endpoint
    route = platform.router.read("iris")
    assert route is not None
    assert endpoint is not None
    platform.router.write(
        route.split.shifted(Backend(candidate.name, endpoint, 0)), release=release.id
    )
    return platform.records.move(release.id, Phase.SMOKING)


def _make_live(platform: Platform, service: Service, version: str) -> None:
    tag = f"iris:{'01abcdef' * 2}"
    revision = revision_of(service, version, tag, f"{tag}@sha256:0")
    now = datetime.now(UTC)
    first = Release(
        "iris-v1-1", "iris", "iris", version, "admin", Phase.PENDING, now, now, candidate=revision
    )
    platform.records.open(first)
    platform.records.move(first.id, Phase.ERROR, reason="only a record of what version 1 is")
    status = platform.target.ensure_started(revision)
    assert status.endpoint is not None
    platform.router.take_over("iris", first.id, generation=0)
    split = first_split(platform, service, Backend(revision.name, status.endpoint, WHOLE))
    platform.router.write(split, release=first.id)
    platform.registry.set_alias("iris", CHAMPION, version)
