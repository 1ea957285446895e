"""The parts of one platform, put together: what every step of a Release works with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tiffin.home import PROJECT, TiffinHome
from tiffin.registry.registry import Registry
from tiffin.release.records import Records
from tiffin.services.catalog import ServiceCatalog, ServiceFolder
from tiffin.targets.target import Target
from tiffin.traffic.counters import TrafficCounters
from tiffin.traffic.router import Router


@dataclass(frozen=True)
class Platform:
    """The adapters in use. Tests put in-memory ones here; nothing else differs."""

    catalog: ServiceCatalog | ServiceFolder
    registry: Registry
    target: Target
    router: Router
    counters: TrafficCounters
    records: Records
    bento_store: Path
    workspace: Path
    project: Path = PROJECT
    port_offset: int = 0

    def workspace_of(self, release: str) -> Path:
        """Return the folder for a Release's artifact, data and reports; made if need be."""
        folder = self.workspace / release.replace("/", "_")
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def embedded_platform(home: TiffinHome | None = None) -> Platform:
    """Return the platform of the embedded stack below TIFFIN_HOME; nothing is contacted yet."""
    from tiffin.registry.mlflow_registry import MlflowRegistry
    from tiffin.stack.postgres import database_url
    from tiffin.stack.supervisor import Supervisor
    from tiffin.targets.local_target import LocalTarget
    from tiffin.traffic.envoy_counters import EnvoyCounters
    from tiffin.traffic.envoy_router import EnvoyRouter

    home = home or TiffinHome.from_environment()
    return Platform(
        catalog=ServiceFolder(PROJECT / "include" / "services"),
        registry=MlflowRegistry(home.url("mlflow")),
        target=LocalTarget(home, Supervisor(home)),
        router=EnvoyRouter(home.folder("gateway"), home.envoy_urls),
        counters=EnvoyCounters(home.envoy_urls),
        records=Records(database_url(home, "tiffin")),
        bento_store=home.folder("bentoml"),
        workspace=home.folder("releases"),
        port_offset=home.port_offset,
    )
