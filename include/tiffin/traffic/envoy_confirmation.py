"""Asks the Envoys which versions of their files they run, and waits for the ones just written.

The cheap question is asked most: text readouts alone, filtered by name, cost the same beside a
thousand other Services.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from tiffin.errors import RefusedError, UnavailableError
from tiffin.traffic.envoy_admin import EnvoyAdmin, living

CDS = "cluster_manager.cds"
LDS = "listener_manager.lds"

Versions = dict[str, str]
"""Of each subscription (CDS, LDS, a Service's `rds`), the version of its file."""

Rejections = dict[tuple[str, str], int]
"""Of each Envoy (its URL) and each subscription, how many updates it refused."""


def rds(service: str) -> str:
    """Name the subscription of a Service's routes."""
    return f"http.{service}.rds.{service}"


class EnvoyConfirmation:
    """What the gateway's Envoys say of their own configuration. Every method only looks.

    Every living Envoy must confirm, and one at least. Nobody waits for a dead one: it begins with
    the newest files (see `EnvoyAdmin.is_dead`). One that is starting is waited for, which takes
    under a second: it may have read the old files, and would serve them for an instant.
    """

    def __init__(self, admins: Sequence[EnvoyAdmin]) -> None:
        self._admins = admins

    def runs(self, expected: Versions) -> bool:
        """True when every living Envoy runs these versions; False when none is alive."""
        alive = living(self._admins)
        return bool(alive) and all(_versions(admin, expected) == expected for admin in alive)

    def count_dead(self) -> int:
        """Return how many Envoys are dead now."""
        return len(self._admins) - len(living(self._admins))

    def rejections(self, service: str) -> Rejections:
        """Return how often each Envoy refused the files; nothing of one that does not answer."""
        names = "|".join(re.escape(name) for name in (CDS, LDS, rds(service)))
        found: Rejections = {}
        for admin in self._admins:
            with suppress(UnavailableError):
                counts = admin.numbers(rf"^({names})\.update_rejected$", "Counters")
                found |= {(admin.url, name): count for name, count in counts.items()}
        return found

    def busy_clusters(self) -> set[str]:
        """Return the clusters with requests in flight in any Envoy that answers."""
        busy: set[str] = set()
        for admin in self._admins:
            with suppress(UnavailableError):  # in an Envoy that is dead no request is in flight
                active = admin.numbers(r"^cluster\..*@.*\.upstream_rq_active$", "Gauges")
                busy |= {name.removeprefix("cluster.") for name, count in active.items() if count}
        return {name.removesuffix(".upstream_rq_active") for name in busy}

    def requests_in_flight(self, cluster: str) -> int:
        """Return how many requests one cluster answers now; raise when no Envoy answers."""
        name = f"cluster.{cluster}.upstream_rq_active"
        return sum(
            admin.numbers(f"^{re.escape(name)}$", "Gauges").get(name, 0)
            for admin in living(self._admins) or self._admins
        )

    def await_versions(self, service: str, expected: Versions, *, timeout_s: float) -> None:
        """Wait until the Envoys run these versions; raise UnavailableError when they do not."""
        deadline = time.monotonic() + timeout_s
        pause = growing_pause()
        while not self.runs(expected):
            self._check_in_time(service, deadline, timeout_s)
            pause()

    def await_structure(
        self, service: str, expected: Versions, rejected: Rejections, *, timeout_s: float
    ) -> None:
        """Wait like `await_versions`, and until every cluster and listener is warm.

        Raises RefusedError as soon as one Envoy has refused a file more often than `rejected`
        says.
        """
        deadline = time.monotonic() + timeout_s
        pause = growing_pause()
        while not self.runs(expected) or any(map(_is_warming, living(self._admins))):
            self._check_not_rejected(service, rejected)
            self._check_in_time(service, deadline, timeout_s)
            pause()

    def _check_in_time(self, service: str, deadline: float, timeout_s: float) -> None:
        if time.monotonic() > deadline:
            raise UnavailableError(
                f"the gateway did not answer within {timeout_s:g} s that the traffic of {service} "
                "is as written, so the old split was put back; try again when `tiffin status` "
                "shows the gateway up",
                code="gateway-unconfirmed",
            )

    def _check_not_rejected(self, service: str, before: Rejections) -> None:
        after = self.rejections(service)
        refused = sorted({key[1] for key, count in after.items() if count > before.get(key, 0)})
        if refused:
            raise RefusedError(
                f"the gateway refused the traffic of {service} ({', '.join(refused)}); its port "
                "may be taken by another program: see `tiffin logs envoy-1`",
                code="gateway-refused",
            )


def _versions(admin: EnvoyAdmin, names: Iterable[str]) -> Versions:
    """Return the versions that one Envoy runs; nothing while it does not answer."""
    pattern = "|".join(re.escape(f"{name}.version_text") for name in names)
    try:
        found = admin.texts(f"^({pattern})$")
    except UnavailableError:
        return {}
    return {name.removesuffix(".version_text"): version for name, version in found.items()}


def _is_warming(admin: EnvoyAdmin) -> bool:
    names = r"^(cluster_manager\.warming_clusters|listener_manager\.total_listeners_warming)$"
    try:
        return any(admin.numbers(names, "Gauges").values())
    except UnavailableError:
        return True


def growing_pause() -> Callable[[], None]:
    """Return a function that sleeps 1 ms, then ever longer, up to 50 ms."""
    pause_s = 0.001

    def pause() -> None:
        nonlocal pause_s
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.3, 0.05)

    return pause
