"""Asking for a Release: the request as a run's params and back, and the id that makes it one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tiffin.errors import RefusedError, UnavailableError
from tiffin.intake.runs import DEPLOY_DAG, Runs, is_under_way
from tiffin.release.records import Records
from tiffin.release.release import OnConflict, ReleaseRequest, release_id

_NOT_IN_THE_FORM = "Invalid input for param service:"
"""How Airflow refuses a service that was not there when it last read the DAG file."""


class ServiceNotReadError(UnavailableError):
    """Airflow has not read a new service's file yet; it does so about twice a minute."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The Release that answers a request, and whether this call began it."""

    release: str
    is_new: bool


def params_of(request: ReleaseRequest) -> dict[str, Any]:
    """Return a request as the conf of a `deploy_model` run."""
    return asdict(request) | {
        "on_conflict": request.on_conflict.value,
        "weights": list(request.weights) if request.weights else None,
    }


def request_from(params: Mapping[str, Any], actor: str) -> ReleaseRequest:
    """Return the request that a run's params describe, in the name of `actor`.

    Weights may be shares (0.05) or percent (5): 1 and more can only be percent.
    """
    weights = params.get("weights")
    try:
        return ReleaseRequest(
            service=params["service"],
            actor=actor,
            version=params.get("version") or None,
            alias=params.get("alias") or None,
            strategy=params.get("strategy") or None,
            weights=tuple(_share(weight) for weight in weights) if weights else None,
            approval=params.get("approval"),
            dry_run=bool(params.get("dry_run")),
            on_conflict=OnConflict(params.get("on_conflict") or OnConflict.REFUSE),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise RefusedError(
            f"the run's params describe no deploy ({error!r}); trigger deploy_model with a "
            "service and a version or an alias",
            code="bad-request",
        ) from error


def ask_for_release(runs: Runs, records: Records, request: ReleaseRequest) -> Asked:
    """Start the run of a Release for a request with a version; asking twice is asking once.

    The id of a run that ended without a Release (it was refused when it asked) is used up: the
    next one is taken, so that the same question can be asked again once its cause is gone. The
    caller knows the service; raises ServiceNotReadError while Airflow does not.
    """
    version = str(request.version)
    attempt = records.attempts(request.service, version)
    while True:
        release = release_id(request.service, version, attempt, dry_run=request.dry_run)
        if _begins(runs, release, request):
            return Asked(release, is_new=True)
        if records.find(release) or is_under_way(runs.run_state(DEPLOY_DAG, release)):
            return Asked(release, is_new=False)
        attempt += 1


def _begins(runs: Runs, release: str, request: ReleaseRequest) -> bool:
    try:
        return runs.trigger(DEPLOY_DAG, release, params_of(request))
    except RefusedError as refusal:
        if _NOT_IN_THE_FORM not in refusal.message:
            raise
        raise ServiceNotReadError(
            f"Airflow has not read {request.service}.yaml yet, which takes it up to a minute; "
            "try again, and see that the file is called so",
            code="service-not-read",
        ) from refusal


def _share(weight: float) -> float:
    return weight / 100 if weight >= 1 else weight
