"""Ask: who wants which version of which Service, and is it their turn?"""

from __future__ import annotations

from datetime import UTC, datetime

from tiffin.errors import FencedError, RefusedError, UnavailableError
from tiffin.platform import Platform
from tiffin.registry.model_version import CHALLENGER, ModelVersion, RunRecord
from tiffin.release.phases import Phase
from tiffin.release.release import OnConflict, Release, ReleaseRequest
from tiffin.services.spec import Service


def try_open_release(platform: Platform, request: ReleaseRequest, release_id: str) -> Release | str:
    """Record the Release and take the Service for it.

    Returns the Release when it is its turn, or the id of the Release to wait for. Called again
    with the same id it returns the same Release; one that has ended is returned as it ended.
    """
    known = platform.records.find(release_id)
    if known is not None and known.phase.is_end:
        return known
    service, version = admitted(platform, request)
    if not request.dry_run:
        holder = platform.records.claim(service.name, release_id)
        if holder != release_id:
            return _wait_or_refuse(platform, request, holder)
    release = platform.records.open(_release(platform, service, version, request, release_id))
    if not request.dry_run:
        release = _take_over(platform, release)
        platform.registry.set_alias(service.model, CHALLENGER, version.version)
    return _with_registry_run(platform, release)


def admitted(platform: Platform, request: ReleaseRequest) -> tuple[Service, ModelVersion]:
    """Refuse what may not be deployed, resolve the version; nothing is changed."""
    service = request.applied_to(platform.catalog.service(request.service))
    _check_permission(service, request.actor)
    version = resolve(platform, service, request)
    _refuse_bad(service, version)
    return service, version


def check_conflict(platform: Platform, request: ReleaseRequest, release_id: str) -> None:
    """Refuse a request that would not wait while another Release holds its Service."""
    holder = platform.records.claimant(request.service)
    if holder not in (None, release_id) and not request.dry_run:
        _wait_or_refuse(platform, request, str(holder))


def resolve(platform: Platform, service: Service, request: ReleaseRequest) -> ModelVersion:
    """Turn the request's version or alias into one version, once."""
    if request.version is not None:
        return platform.registry.version(service.model, request.version)
    found = platform.registry.version_by_alias(service.model, str(request.alias))
    if found is None:
        raise RefusedError(
            f"model {service.model!r} has no alias {request.alias!r}; set it in MLflow or name a "
            "version",
            code="unknown-alias",
        )
    return found


def _check_permission(service: Service, actor: str) -> None:
    if "*" not in service.deployers and actor not in service.deployers:
        raise RefusedError(
            f"{actor} may not deploy {service.name}; its service file allows "
            f"{', '.join(service.deployers)}",
            code="not-a-deployer",
        )


def _refuse_bad(service: Service, version: ModelVersion) -> None:
    if version.bad_reason is not None:
        raise RefusedError(
            f"version {version.version} of {version.name} is tagged bad ({version.bad_reason}); "
            f"`tiffin lift {service.name} {version.version}` lifts the tag",
            code="version-is-bad",
        )


def _wait_or_refuse(platform: Platform, request: ReleaseRequest, holder: str) -> str:
    """Return whom to wait for; housekeeping, which takes a moment, is always waited for."""
    found = platform.records.find(holder)
    is_housekeeping = found is None or found.phase.is_end
    if is_housekeeping or request.on_conflict is OnConflict.WAIT:
        return holder
    raise RefusedError(
        f"release {holder} of {request.service} is in progress; wait for it, abort it with "
        f"`tiffin abort {request.service}`, or ask again with `--on-conflict wait`",
        code="release-in-progress",
    )


def _release(
    platform: Platform,
    service: Service,
    version: ModelVersion,
    request: ReleaseRequest,
    release_id: str,
) -> Release:
    route = platform.router.read(service.name)
    now = datetime.now(UTC)
    return Release(
        id=release_id,
        service=service.name,
        model=version.name,
        version=version.version,
        actor=request.actor,
        phase=Phase.PENDING,
        begun_at=now,
        changed_at=now,
        request=request,
        stable=route.split.fallback if route else None,
    )


def _take_over(platform: Platform, release: Release) -> Release:
    """Become the holder; stable and the generation are of one reading, so what came since wins.

    A Release that is past this step took over then, and must not again: it may have been fenced.
    """
    route = platform.router.read(release.service)
    now = platform.records.release(release.id)
    if now.phase.is_end:
        raise FencedError(f"release {release.id} has ended: {now.reason}", code="release-ended")
    if now.phase is not Phase.PENDING or (route is not None and route.holder == release.id):
        return now
    stable = route.split.fallback if route else None
    now = platform.records.move(release.id, now.phase, stable=stable)
    generation = route.generation if route else 0
    try:
        platform.router.take_over(release.service, release.id, generation=generation)
    except FencedError as error:
        raise UnavailableError(
            f"the traffic of {release.service} changed while {release.id} took it over; it is "
            "tried again",
            code="router-contended",
        ) from error
    return now


def _with_registry_run(platform: Platform, release: Release) -> Release:
    if release.registry_run:
        return release
    record = RunRecord(
        experiment=f"tiffin/{release.service}",
        name=release.id,
        tags={"tiffin.service": release.service, "tiffin.actor": release.actor},
        params={"model": release.model, "version": release.version, "stable": release.stable},
    )
    run = platform.registry.ensure_run(record)
    return platform.records.move(release.id, release.phase, registry_run=run)
