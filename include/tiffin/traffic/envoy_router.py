"""The router on Envoy: compare-and-set on stored routes, Envoy's files by rename, confirmation.

A write goes: fence, doubt, Envoy's files, Envoy's confirmation, truth, doubt settled. The truth is
written last, so it only ever holds a Split that Envoy has confirmed; whoever finds the doubt of a
writer that died makes Envoy's files fit the truth again. Killed at any instant, a write has either
happened or not.

Changed weights touch the route file of one Service and nothing else. A changed structure (another
Revision, endpoint, fallback or port) also touches the files that all Services share: clusters are
added before a route names them, and removed long after the last route that named them.

Each Envoy takes one inotify instance per Service (see `file_watches`): two of them serve about 60
Services on a system with Linux's usual limit of 128 per user, more once
fs.inotify.max_user_instances is raised.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tiffin.errors import RefusedError, TiffinError, UnavailableError
from tiffin.traffic.envoy_admin import EnvoyAdmin
from tiffin.traffic.envoy_clusters import cluster_name, clusters, service_of
from tiffin.traffic.envoy_confirmation import (
    CDS,
    LDS,
    EnvoyConfirmation,
    Versions,
    growing_pause,
    rds,
)
from tiffin.traffic.envoy_validation import validate
from tiffin.traffic.fencing import StoredRoute, taken_over, written
from tiffin.traffic.file_watches import check_room_for_watches, watches_needed
from tiffin.traffic.gateway_files import GatewayFiles, stored_splits
from tiffin.traffic.route_store import RouteStore
from tiffin.traffic.router import Route
from tiffin.traffic.service_ports import check_service_port
from tiffin.traffic.split import Split

_PUT_BACK_CONFIRM_S = 1.0


class EnvoyRouter:
    """Implements `tiffin.traffic.router.Router` on the Envoys whose files are in `folder`.

    A write succeeds when every living Envoy has confirmed it; a dead one begins with the new files
    and is not waited for. When all are dead, a write waits `confirm_s`: one that comes back in that
    time confirms it. After that the old files are put back and UnavailableError is raised: nothing
    has changed, and the caller should call again. The same becomes of a write that a living Envoy
    does not confirm in time.
    """

    def __init__(
        self, folder: Path, admin_urls: tuple[str, ...], *, confirm_s: float = 8.0
    ) -> None:
        self._store, self._files = RouteStore(folder), GatewayFiles(folder)
        self._admins = [EnvoyAdmin(url) for url in admin_urls]
        self._envoys = EnvoyConfirmation(self._admins)
        self._confirm_s = confirm_s

    def read(self, service: str) -> Route | None:
        """Return what is live; what a dead writer left half done is undone first."""
        if self._store.is_in_doubt(service):
            self._repair(service)
        stored = self._store.load(service)
        return stored.route if stored else None

    def services(self) -> tuple[str, ...]:
        """Return the names of all routed Services, sorted."""
        return tuple(sorted(split.service for split in stored_splits(self._store)))

    def take_over(self, service: str, release: str, *, generation: int) -> Route | None:
        """Make `release` the only holder if the generation is still the given one.

        Envoy has no part in it. Twice with the same arguments is the same as once.
        """
        with self._store.locked(service):
            before = self._store.load(service)
            stored = taken_over(before, service, release, generation=generation)
            if stored != before:
                self._store.save(service, stored)
        return stored.route

    def write(
        self, split: Split, *, release: str, previous: str | None = None, at: int | None = None
    ) -> Route:
        """Make the Split live and wait until Envoy confirms it. Twice is the same as once."""
        service = split.service
        with self._store.locked(service), ExitStack() as shared:
            before = self._store.load(service)
            stored = written(before, split, release=release, previous=previous, at=at)
            in_doubt = self._store.is_in_doubt(service)
            is_structural = in_doubt or _structure(before) != _structure(stored)
            if is_structural:
                shared.enter_context(self._store.gateway_locked())
            live = before.split if before else None
            if _brings_something_new(split, live):
                self._check_new(split, live)
            self._store.doubt(service)
            try:
                change = self._change_structure if is_structural else self._change_routes
                change(split)
                self._check_port(split, live)  # somebody may have come in between
                if stored is not before:
                    self._store.save(service, stored)
            except TiffinError:
                self._put_back(service, before)
                raise
            self._store.settle(service)
        return Route(split, stored.holder, stored.generation, stored.previous)

    def ensure_live(self, service: str) -> Route | None:
        """Make Envoy's files and Envoy fit the truth, drop old clusters; return what is live.

        For health checks. Raises UnavailableError when Envoy does not confirm; the files are
        right then, and Envoy reads them when it starts.
        """
        with self._store.locked(service), self._store.gateway_locked():
            stored = self._store.load(service)
            self._store.doubt(service)
            self._restore(service, stored, confirm_s=self._confirm_s)
            self._store.settle(service)
        return stored.route if stored else None

    def wait_idle(self, service: str, revision: str, *, timeout_s: float) -> None:
        """Wait until no request is in flight to a Revision that gets no new ones.

        Explanations are not waited for; the Revision's own process finishes them before it ends.
        Raises UnavailableError when it is still busy after `timeout_s`. Only looks, so it may be
        called again.
        """
        cluster = cluster_name(service, revision)
        deadline = time.monotonic() + timeout_s
        pause = growing_pause()
        while busy := self._envoys.requests_in_flight(cluster):
            if time.monotonic() > deadline:
                raise UnavailableError(
                    f"{revision} of {service} still answers {busy} requests after {timeout_s:g} s; "
                    "wait until they are done, then try again",
                    code="revision-busy",
                )
            pause()

    def _repair(self, service: str) -> None:
        """Undo what a dead writer left; leave a living writer, and an absent Envoy, alone."""
        try:
            with self._store.locked(service, timeout_s=0), self._store.gateway_locked():
                if self._store.is_in_doubt(service):
                    stored = self._store.load(service)
                    self._restore(service, stored, confirm_s=_PUT_BACK_CONFIRM_S)
                    self._store.settle(service)
        except UnavailableError:
            # The truth can be read all the same; the doubt stays, so the next call tries again.
            return

    def _check_new(self, split: Split, live: Split | None) -> None:
        others = stored_splits(self._store)
        if live is None:
            envoys, dead = len(self._admins), self._envoys.count_dead()
            check_room_for_watches(watches_needed(len(others), envoys=envoys, dead=dead))
        self._check_port(split, live)
        for other in others:
            if other.port == split.port and other.service != split.service:
                raise RefusedError(
                    f"port {split.port} of {split.service} is the port of {other.service} already; "
                    "choose another one in the service file",
                    code="service-port-taken",
                )
        validate(split)

    def _check_port(self, split: Split, live: Split | None) -> None:
        """Refuse a port that is new to the Service while a stranger listens there."""
        if live is None or live.port != split.port:
            check_service_port(split.service, split.port, [admin.port for admin in self._admins])

    def _put_back(self, service: str, before: StoredRoute | None) -> None:
        try:
            self._restore(service, before, confirm_s=_PUT_BACK_CONFIRM_S)
            self._store.settle(service)
        except UnavailableError:
            # What made the write fail is the news; the doubt stays, so the next call tries again.
            return

    def _restore(self, service: str, stored: StoredRoute | None, *, confirm_s: float) -> None:
        """Publish what the truth says. All files at once: its clusters were never taken away."""
        splits = {split.service: split for split in stored_splits(self._store)}
        if stored and stored.split:
            expected = {
                **self._publish_clusters(splits),
                **self._publish_routes(stored.split),
                **self._publish_listeners(splits),
            }
            self._envoys.await_versions(service, expected, timeout_s=confirm_s)
        else:
            self._publish_listeners(splits)
            self._files.rds(service).unlink(missing_ok=True)

    def _change_routes(self, split: Split) -> None:
        """Publish the routes of one Service and wait for Envoy; its clusters are there already."""
        expected = self._publish_routes(split)
        self._envoys.await_versions(split.service, expected, timeout_s=self._confirm_s)

    def _change_structure(self, split: Split) -> None:
        """Publish clusters, then routes and the listener; Envoy confirms the first before."""
        splits = {each.service: each for each in stored_splits(self._store)}
        splits[split.service] = split
        rejected = self._envoys.rejections(split.service)
        expected = self._publish_clusters(splits)
        self._envoys.await_structure(split.service, expected, rejected, timeout_s=self._confirm_s)
        # A new listener needs the file with its routes to be there.
        expected = {**self._publish_routes(split), **self._publish_listeners(splits)}
        self._envoys.await_structure(split.service, expected, rejected, timeout_s=self._confirm_s)

    def _publish_clusters(self, splits: dict[str, Split]) -> Versions:
        content = self._files.clusters(splits.values(), self._clusters_in_use(splits))
        return self._publish(self._files.cds, content, CDS)

    def _publish_routes(self, split: Split) -> Versions:
        content = self._files.routes(split)
        return self._publish(self._files.rds(split.service), content, rds(split.service))

    def _publish_listeners(self, splits: dict[str, Split]) -> Versions:
        return self._publish(self._files.lds, self._files.listeners(splits.values()), LDS)

    def _publish(self, file: Path, content: dict[str, Any], subscription: str) -> Versions:
        expected = {subscription: str(content["version_info"])}
        if not self._files.publish(file, content) and not self._envoys.runs(expected):
            self._files.publish(file, content, again=True)
        return expected

    def _clusters_in_use(self, splits: dict[str, Split]) -> list[dict[str, Any]]:
        """Return the obsolete clusters that a request may still be tried on."""
        needed = {c["name"] for split in splits.values() for c in clusters(split)}
        obsolete = [c for c in self._files.written_clusters() if c["name"] not in needed]
        if not obsolete:
            return []
        busy = self._envoys.busy_clusters()
        return [c for c in obsolete if c["name"] in busy or self._is_named(c["name"], splits)]

    def _is_named(self, cluster: str, splits: dict[str, Split]) -> bool:
        """Tell whether a route names a cluster, or named it so recently that requests may live."""
        service = service_of(cluster)
        if self._files.routes_name(service, cluster):
            return True
        # A request waiting for its next try is active nowhere, but never outlives its timeout.
        patience_s = splits[service].timeouts.request_s + 1 if service in splits else 0.0
        return self._files.routes_age_s(service) < patience_s


def _brings_something_new(split: Split, before: Split | None) -> bool:
    """Tell whether Envoy must check it; shifting, promoting, rolling back and retiring need not.

    A rollback after a promotion so costs no start of another Envoy process.
    """
    if before is None:
        return True
    known = {(backend.revision, backend.endpoint) for backend in before.backends}
    return (split.port, split.sticky_header, split.timeouts) != (
        before.port,
        before.sticky_header,
        before.timeouts,
    ) or any((backend.revision, backend.endpoint) not in known for backend in split.backends)


def _structure(stored: StoredRoute | None) -> object:
    """Return what of a Split concerns clusters and listeners, not weights."""
    if stored is None or stored.split is None:
        return None
    split = stored.split
    backends = frozenset((backend.revision, backend.endpoint) for backend in split.backends)
    return split.port, split.fallback, split.rescue, backends
