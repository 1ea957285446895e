"""What is asked for and what it has become: a ReleaseRequest and a Release, as values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from tiffin.errors import RefusedError
from tiffin.release.phases import Phase
from tiffin.services.spec import Service
from tiffin.targets.target import Resources, Revision


class OnConflict(StrEnum):
    """What a deploy does while another one holds its Service."""

    WAIT = "wait"
    REFUSE = "refuse"


class Order(StrEnum):
    """What a person told a Release in progress; the last order stands."""

    PAUSE = "pause"
    RESUME = "resume"
    PROMOTE = "promote"
    ABORT = "abort"


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    """Who asks for what. A version or an alias names the model version, never both.

    `strategy`, `weights` (shares below 1) and `approval` override the service file for this
    Release; None leaves what the file says.
    """

    service: str
    actor: str
    version: str | None = None
    alias: str | None = None
    strategy: str | None = None
    weights: tuple[float, ...] | None = None
    approval: bool | None = None
    dry_run: bool = False
    on_conflict: OnConflict = OnConflict.REFUSE

    def __post_init__(self) -> None:
        if bool(self.version) == bool(self.alias):
            raise RefusedError(
                f"a deploy of {self.service} needs a version or an alias, and not both",
                code="bad-request",
            )

    def applied_to(self, service: Service) -> Service:
        """Return the service with this request's overrides, validated again as a whole."""
        overrides: dict[str, Any] = {
            "strategy": self.strategy,
            "weights": self.weights,
            "approval": self.approval,
        }
        said = {key: value for key, value in overrides.items() if value is not None}
        if not said:
            return service
        try:
            rollout = type(service.rollout).model_validate(service.rollout.model_dump() | said)
        except ValueError as error:
            raise RefusedError(
                f"the deploy of {service.name} asks for a rollout that can't be: {error}",
                code="bad-request",
            ) from error
        return service.model_copy(update={"rollout": rollout})


@dataclass(frozen=True, slots=True)
class Release:
    """One attempt to move a Service; `id` is the Airflow run id as well.

    `stable` names the Revision that carried the traffic when it began (None at the first
    deployment of a Service). `candidate` is None until the bento is packaged.
    """

    id: str
    service: str
    model: str
    version: str
    actor: str
    phase: Phase
    begun_at: datetime
    changed_at: datetime
    reason: str = ""
    request: ReleaseRequest | None = None
    digest: str = ""
    stable: str | None = None
    candidate: Revision | None = None
    registry_run: str | None = None

    @property
    def is_dry_run(self) -> bool:
        """True when it stops before anything is started."""
        return self.request is not None and self.request.dry_run

    def evolved(self, **changes: Any) -> Release:
        """Return a copy with other values."""
        return replace(self, **changes)


def release_id(service: str, version: str, attempt: int, *, dry_run: bool = False) -> str:
    """Make the id of the n-th attempt to deploy a version: asking twice makes it once.

    `attempt` counts the ended Releases of this version, so that the same question gets the same
    id until its answer is there, and a new one afterwards.
    """
    return f"{service}-v{version}-{attempt + 1}" + ("-dry-run" if dry_run else "")


def revision_of(service: Service, version: str, bento: str, image: str) -> Revision:
    """Name the Revision that runs a bento (`name:tag`) of a model version."""
    tag = bento.partition(":")[2]
    resources = Resources(
        service.resources.cpu, service.resources.memory_mib, service.resources.workers
    )
    return Revision(
        service=service.name,
        name=f"v{version}-{tag[:8]}",
        model=service.model,
        version=version,
        bento=bento,
        image=image,
        resources=resources,
    )
