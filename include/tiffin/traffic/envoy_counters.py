"""Reads exact per-Revision counts from Envoy's per-endpoint counters.

Not from the `-ha` clusters: those show what users saw, with the fallback's rescues. An endpoint
counts every try that reached its Revision, or failed to (a refused connection, a reset, a timeout,
a 5xx are bad; everything else, 4xx too, is good).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict

from tiffin.errors import UnavailableError
from tiffin.traffic.counters import Counts, Reading
from tiffin.traffic.envoy_admin import EnvoyAdmin, living


class EnvoyCounters:
    """Implements `tiffin.traffic.counters.TrafficCounters`. Only reads, so twice is harmless.

    Counts are the sums over the living Envoys. The epoch says which those are and when each
    started, so it changes when one dies, with its counts, and again when it is back. A Revision
    that leaves the Split and comes back later may count from zero within one epoch.
    """

    def __init__(self, admin_urls: tuple[str, ...]) -> None:
        self._admins = [EnvoyAdmin(url) for url in admin_urls]

    def read(self, service: str) -> Reading:
        """Return the counts of every Revision of the Service, by Revision name.

        Raises UnavailableError when all Envoys are dead, a living one does not answer, or one died
        or was started during the reading: a part is never taken for the whole.
        """
        epochs = self._epochs()
        pattern = rf"^cluster\.{re.escape(service)}@.*\.endpoint\..*\.rq_(success|error)$"
        numbers: Counter[str] = Counter()
        for admin in epochs:
            numbers.update(admin.numbers(pattern, "Counters"))
        if self._epochs() != epochs:
            raise UnavailableError(
                f"the gateway was restarted while the counters of {service} were read; read them "
                "again",
                code="gateway-restarted",
            )
        epoch = " ".join(f"{admin.port}@{started}" for admin, started in epochs.items())
        return Reading(epoch, counts_by_revision(service, numbers))

    def _epochs(self) -> dict[EnvoyAdmin, str]:
        """Return when each living Envoy started; raise when there is none."""
        return {admin: admin.epoch() for admin in living(self._admins) or self._admins}


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
