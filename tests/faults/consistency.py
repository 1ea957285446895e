"""Whether a service is in exactly one consistent state: every part of the stack is asked."""

from __future__ import annotations

from collections.abc import Iterator

from tests.e2e.delivery import SERVICE, Delivery
from tiffin.intake.runs import DEPLOY_DAG, is_under_way
from tiffin.registry.model_version import CHALLENGER, CHAMPION
from tiffin.release.ledger import first_broken
from tiffin.targets.target import RevisionState
from tiffin.traffic.split import WHOLE


def contradictions(delivery: Delivery, release: str) -> Iterator[str]:
    """Yield a sentence for each thing that does not fit the others; none means consistent."""
    yield from _of_the_records(delivery, release)
    yield from _of_the_registry(delivery)
    yield from _of_the_traffic(delivery)


def _of_the_records(delivery: Delivery, release: str) -> Iterator[str]:
    records = delivery.platform.records
    if not records.release(release).phase.is_end:
        yield f"{release} has not ended"
    if is_under_way(delivery.airflow.run_state(DEPLOY_DAG, release)):
        yield f"the run of {release} is under way"
    yield from (f"{other.id} is in progress" for other in records.in_progress(SERVICE))
    if holder := records.claimant(SERVICE):
        yield f"{holder} still claims {SERVICE}"
    if (broken := first_broken(records.entries(release))) is not None:
        yield f"the ledger of {release} is broken at {broken}"


def _of_the_registry(delivery: Delivery) -> Iterator[str]:
    registry = delivery.platform.registry
    champion = registry.version_by_alias(SERVICE, CHAMPION)
    if champion is None or champion.version != delivery.live_version:
        version = champion.version if champion else None
        yield f"version {delivery.live_version} is live and {version} is champion"
    if challenger := registry.version_by_alias(SERVICE, CHALLENGER):
        yield f"version {challenger.version} is still challenger"


def _of_the_traffic(delivery: Delivery) -> Iterator[str]:
    route = delivery.route
    if route.split.weight(route.split.fallback) != WHOLE:
        yield f"the traffic is split: {route.split.backends}"
    routed = {backend.revision for backend in route.split.backends}
    wanted = {route.split.fallback, route.previous} - {None}
    if routed != wanted:
        yield f"{sorted(routed)} are routed, and wanted are {wanted}"
    running = {status.name: status for status in delivery.platform.target.revisions(SERVICE)}
    if set(running) != wanted:
        yield f"{sorted(running)} run, and wanted are {wanted}"
    if any(status.state is not RevisionState.READY for status in running.values()):
        yield f"not all revisions are ready: {[status.reason for status in running.values()]}"
    live = {b.revision: b.endpoint for b in route.split.backends}
    if any(live.get(name) != status.endpoint for name, status in running.items()):
        yield "the gateway and the target disagree about an endpoint"
