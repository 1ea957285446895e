"""What the registry wishes for: the alias `challenger` on a version asks for its deployment.

`wish_of` decides; `grant_wish` acts on it. The webhook and the scheduled reconcile both call it,
so a delivery that was lost is made good within a minute, and one that came twice does nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tiffin.errors import RefusedError
from tiffin.intake.asking import ServiceNotReadError, ask_for_release
from tiffin.intake.runs import Runs
from tiffin.platform import Platform
from tiffin.registry.model_version import CHALLENGER, CHAMPION, ModelVersion
from tiffin.release.phases import Phase
from tiffin.release.release import OnConflict, Release, ReleaseRequest
from tiffin.services.spec import Service

REGISTRY_ACTOR = "webhook"
"""Who deploys what the registry wishes for; a service file's `deployers` may name it."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A wish that won't be granted, and why; the alias is taken away so that it is said once."""

    version: ModelVersion
    sentence: str


def wish_of(
    service: Service,
    challenger: ModelVersion | None,
    champion: ModelVersion | None,
    *,
    is_busy: bool,
) -> ReleaseRequest | Refusal | None:
    """Decide what to do about a service's `challenger`; None means nothing, for now.

    While a Release is in progress its wish waits: the next look finds the alias still there. A
    service that does not list the registry among its deployers uses the alias for its own ends.
    """
    if challenger is None or is_busy or not _listens(service):
        return None
    if champion is not None and champion.version == challenger.version:
        return None
    if challenger.bad_reason is not None:
        return Refusal(
            challenger,
            f"version {challenger.version} of {challenger.name} is tagged bad "
            f"({challenger.bad_reason}), so {service.name} does not get it and the alias "
            f"{CHALLENGER!r} was taken away; `tiffin lift {service.name} {challenger.version}` "
            "lifts the tag",
        )
    return ReleaseRequest(
        service=service.name,
        actor=REGISTRY_ACTOR,
        version=challenger.version,
        on_conflict=OnConflict.WAIT,
    )


def is_busy(claimant: str | None, in_progress: Iterable[Release]) -> bool:
    """True while a Release holds the service; one that only watches lets the next begin."""
    under_way = (r for r in in_progress if r.phase is not Phase.WATCHING and not r.is_dry_run)
    return claimant is not None or any(under_way)


def grant_wish(platform: Platform, runs: Runs, service: Service) -> str | None:
    """Read the registry and start the deploy it wishes for, or say why not. Twice is once.

    The wish for a service that Airflow does not know yet waits: its alias stays, and the next
    reconcile finds it.
    """
    busy = is_busy(
        platform.records.claimant(service.name), platform.records.in_progress(service.name)
    )
    challenger = _aliased(platform, service, CHALLENGER)
    wish = wish_of(service, challenger, _aliased(platform, service, CHAMPION), is_busy=busy)
    if isinstance(wish, Refusal):
        withdraw(platform, service, wish.version.version)
        return wish.sentence
    if wish is None:
        return None
    try:
        asked = ask_for_release(runs, platform.records, wish)
    except ServiceNotReadError as error:
        return f"version {wish.version} waits for the next reconcile: {error.message}"
    return f"release {asked.release} " + ("begins" if asked.is_new else "is under way already")


def withdraw(platform: Platform, service: Service, version: str) -> None:
    """Take the alias away from a version that won't be deployed; one that moved on stays."""
    platform.registry.delete_alias(service.model, CHALLENGER, only_if=version)


def _listens(service: Service) -> bool:
    return bool({"*", REGISTRY_ACTOR} & set(service.deployers))


def _aliased(platform: Platform, service: Service, alias: str) -> ModelVersion | None:
    """Return the alias's version; a model that nobody has registered yet has none."""
    try:
        return platform.registry.version_by_alias(service.model, alias)
    except RefusedError:
        return None
