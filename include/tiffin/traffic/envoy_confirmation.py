"""Asks Envoy which versions of its files it runs, and waits for the ones just written.

The cheap question is asked most: text readouts alone, filtered by name, cost the same beside a
thousand other Services.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping

from tiffin.errors import RefusedError, UnavailableError
from tiffin.traffic.envoy_admin import EnvoyAdmin

CDS = "cluster_manager.cds"
LDS = "listener_manager.lds"

Versions = dict[str, str]
"""Of each subscription (CDS, LDS, a Service's `rds`), the version of its file."""


def rds(service: str) -> str:
    """Name the subscription of a Service's routes."""
    return f"http.{service}.rds.{service}"


class EnvoyConfirmation:
    """What Envoy says of its own configuration. Every method only looks."""

    def __init__(self, admin: EnvoyAdmin) -> None:
        self._admin = admin

    def versions(self, names: Mapping[str, str]) -> Versions:
        """Return the versions that Envoy runs; nothing while it does not answer."""
        pattern = "|".join(re.escape(f"{name}.version_text") for name in names)
        try:
            found = self._admin.texts(f"^({pattern})$")
        except UnavailableError:
            return {}
        return {name.removesuffix(".version_text"): version for name, version in found.items()}

    def rejections(self, service: str) -> dict[str, int]:
        """Return how often Envoy refused the files; nothing while it does not answer."""
        names = "|".join(re.escape(name) for name in (CDS, LDS, rds(service)))
        try:
            return self._admin.numbers(rf"^({names})\.update_rejected$", "Counters")
        except UnavailableError:
            return {}

    def busy_clusters(self) -> set[str]:
        """Return the clusters with requests in flight; none while Envoy does not answer."""
        try:
            active = self._admin.numbers(r"^cluster\..*@.*\.upstream_rq_active$", "Gauges")
        except UnavailableError:
            return set()  # without Envoy no request is in flight
        names = (name.removeprefix("cluster.") for name, count in active.items() if count)
        return {name.removesuffix(".upstream_rq_active") for name in names}

    def requests_in_flight(self, cluster: str) -> int:
        """Return how many requests one cluster answers now; raise when Envoy does not answer."""
        name = f"cluster.{cluster}.upstream_rq_active"
        return self._admin.numbers(f"^{re.escape(name)}$", "Gauges").get(name, 0)

    def await_versions(self, service: str, expected: Versions, *, timeout_s: float) -> None:
        """Wait until Envoy runs these versions; raise UnavailableError when it does not."""
        deadline = time.monotonic() + timeout_s
        pause = growing_pause()
        while self.versions(expected) != expected:
            self._check_in_time(service, deadline, timeout_s)
            pause()

    def await_structure(
        self, service: str, expected: Versions, rejected: dict[str, int], *, timeout_s: float
    ) -> None:
        """Wait like `await_versions`, and until every cluster and listener is warm.

        Raises RefusedError as soon as Envoy has refused a file more often than `rejected` says.
        """
        deadline = time.monotonic() + timeout_s
        pause = growing_pause()
        while self.versions(expected) != expected or self._is_warming():
            self._check_not_rejected(service, rejected)
            self._check_in_time(service, deadline, timeout_s)
            pause()

    def _is_warming(self) -> bool:
        names = r"^(cluster_manager\.warming_clusters|listener_manager\.total_listeners_warming)$"
        try:
            return any(self._admin.numbers(names, "Gauges").values())
        except UnavailableError:
            return True

    def _check_in_time(self, service: str, deadline: float, timeout_s: float) -> None:
        if time.monotonic() > deadline:
            raise UnavailableError(
                f"the gateway did not answer within {timeout_s:g} s that the traffic of {service} "
                "is as written, so the old split was put back; try again when `tiffin status` "
                "shows the gateway up",
                code="gateway-unconfirmed",
            )

    def _check_not_rejected(self, service: str, before: dict[str, int]) -> None:
        after = self.rejections(service)
        refused = [name for name, count in after.items() if count > before.get(name, 0)]
        if refused:
            raise RefusedError(
                f"the gateway refused the traffic of {service} ({', '.join(refused)}); its port "
                "may be taken by another program: see `tiffin logs gateway`",
                code="gateway-refused",
            )


def growing_pause() -> Callable[[], None]:
    """Return a function that sleeps 1 ms, then ever longer, up to 50 ms."""
    pause_s = 0.001

    def pause() -> None:
        nonlocal pause_s
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.3, 0.05)

    return pause
