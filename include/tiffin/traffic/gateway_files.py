"""Envoy's files below one folder, derived from the stored routes; Envoy notices each rename.

    envoy-1.json   envoy-2.json   cds.json   lds.json   rds/<service>.json

The first two are what each Envoy starts with; they differ in the admin port. All else is shared.

Nothing here talks to Envoy. A file that is right already is not written again, unless asked to.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tiffin.errors import UnavailableError
from tiffin.traffic import envoy_config
from tiffin.traffic.envoy_clusters import clusters
from tiffin.traffic.envoy_routes import route_config
from tiffin.traffic.route_store import RouteStore, write_file
from tiffin.traffic.split import Split


class GatewayFiles:
    """Renders and writes the files of one gateway; callers hold the locks of the RouteStore."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.cds, self.lds = self.folder / "cds.json", self.folder / "lds.json"

    def rds(self, service: str) -> Path:
        """Return the file with a Service's routes."""
        return self.folder / "rds" / f"{service}.json"

    def routes(self, split: Split) -> dict[str, Any]:
        """Render a Service's route file."""
        return envoy_config.discovery([route_config(split)])

    def listeners(self, splits: Iterable[Split]) -> dict[str, Any]:
        """Render the listener file of all Services."""
        return envoy_config.discovery(
            envoy_config.listener(
                split, envoy_config.routes_from_file(split.service, self.rds(split.service))
            )
            for split in sorted(splits, key=lambda split: split.service)
        )

    def clusters(self, splits: Iterable[Split], kept: Iterable[dict[str, Any]]) -> dict[str, Any]:
        """Render the cluster file of all Services, and the obsolete clusters to keep for now."""
        needed = [cluster for split in splits for cluster in clusters(split)]
        names = {cluster["name"] for cluster in needed}
        needed += [cluster for cluster in kept if cluster["name"] not in names]
        # Plain clusters come before the aggregates that name them.
        return envoy_config.discovery(
            sorted(needed, key=lambda cluster: ("cluster_type" in cluster, cluster["name"]))
        )

    def written_clusters(self) -> list[dict[str, Any]]:
        """Return what the cluster file holds now; nothing when it is missing or broken."""
        resources: list[dict[str, Any]] = _read(self.cds).get("resources", [])
        return resources

    def routes_age_s(self, service: str) -> float:
        """Return for how many seconds a Service's routes have been what they are."""
        try:
            return time.time() - self.rds(service).stat().st_mtime
        except FileNotFoundError:
            return float("inf")

    def routes_name(self, service: str, cluster: str) -> bool:
        """Tell whether a Service's route file names a cluster."""
        try:
            return json.dumps(cluster) in self.rds(service).read_text()
        except FileNotFoundError:
            return False

    def publish(self, file: Path, content: dict[str, Any], *, again: bool = False) -> bool:
        """Write a file by rename if it differs, or `again` because Envoy has missed it.

        Returns whether it was written.
        """
        if not again and _read(file) == content:
            return False
        write_file(file, json.dumps(content))
        return True


def ensure_gateway_files(folder: Path, admin_ports: Mapping[str, int]) -> dict[str, Path]:
    """Make Envoy's files fit the stored routes; return what to start each Envoy with, by its name.

    Call it before a start of the gateway: missing, broken or half-updated files are made right, so
    that a gateway killed at any instant serves the same Splits again. A Service whose writer is at
    work is left to that writer. Twice is the same as once.
    """
    store, files = RouteStore(folder), GatewayFiles(folder)
    with store.gateway_locked():
        splits = stored_splits(store)
        for split in splits:
            _restore_routes(store, files, split)
        files.publish(files.cds, files.clusters(splits, kept=()))
        files.publish(files.lds, files.listeners(splits))
        bootstraps = {name: files.folder / f"{name}.json" for name in admin_ports}
        for name, file in bootstraps.items():
            files.publish(file, envoy_config.bootstrap(files.folder, admin_ports[name]))
    return bootstraps


def stored_splits(store: RouteStore) -> list[Split]:
    """Return the Split of every routed Service."""
    stored = (store.load(service) for service in store.services())
    return [route.split for route in stored if route and route.split]


def _restore_routes(store: RouteStore, files: GatewayFiles, split: Split) -> None:
    try:
        with store.locked(split.service, timeout_s=0):
            stored = store.load(split.service)
            if stored and stored.split:
                files.publish(files.rds(split.service), files.routes(stored.split))
    except UnavailableError as error:
        if error.code != "route-busy":
            raise


def _read(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
