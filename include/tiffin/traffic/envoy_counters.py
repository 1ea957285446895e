"""Reads exact per-Revision counts from Envoy's per-endpoint counters.

Not from the `-ha` clusters: those show what users saw, with the fallback's rescues. An endpoint
counts every try that reached its Revision, or failed to (a refused connection, a reset, a timeout,
a 5xx are bad; everything else, 4xx too, is good).
"""

from __future__ import annotations

import re
from collections import defaultdict

from tiffin.errors import UnavailableError
from tiffin.traffic.counters import Counts, Reading
from tiffin.traffic.envoy_admin import EnvoyAdmin


class EnvoyCounters:
    """Implements `tiffin.traffic.counters.TrafficCounters`. Only reads, so twice is harmless.

    The epoch is the instant at which the Envoy process started. A Revision that leaves the Split
    and comes back later may count from zero within one epoch.
    """

    def __init__(self, admin_url: str) -> None:
        self._admin = EnvoyAdmin(admin_url)

    def read(self, service: str) -> Reading:
        """Return the counts of every Revision of the Service, by Revision name.

        Raises UnavailableError when Envoy does not answer, or was restarted during the reading.
        """
        epoch = self._admin.epoch()
        pattern = rf"^cluster\.{re.escape(service)}@.*\.endpoint\..*\.rq_(success|error)$"
        numbers = self._admin.numbers(pattern, "Counters")
        if self._admin.epoch() != epoch:
            raise UnavailableError(
                f"the gateway was restarted while the counters of {service} were read; read them "
                "again",
                code="gateway-restarted",
            )
        return Reading(epoch, counts_by_revision(service, numbers))


def counts_by_revision(service: str, numbers: dict[str, int]) -> dict[str, Counts]:
    """Add up Envoy's endpoint counters, by Revision name."""
    sums: dict[str, dict[str, int]] = defaultdict(lambda: {"success": 0, "error": 0})
    shape = re.compile(
        rf"cluster\.{re.escape(service)}@(?P<revision>.+?)\.endpoint\..*\.rq_(?P<end>success|error)"
    )
    for name, value in numbers.items():
        if found := shape.fullmatch(name):
            sums[found["revision"]][found["end"]] += value
    return {name: Counts(ends["success"], ends["error"]) for name, ends in sums.items()}
