"""`tiffin deploy`, `rollback`, `promote`, `abort`, `pause`, `resume`, `history` and `lift`."""

from __future__ import annotations

import getpass
import json
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console

from tiffin.cli import exit_codes
from tiffin.cli.console import plain_console
from tiffin.cli.curl_line import curl_line
from tiffin.cli.progress import follow, until_read
from tiffin.cli.story import tell
from tiffin.cli.typed import typed
from tiffin.errors import RefusedError, UnavailableError
from tiffin.home import TiffinHome
from tiffin.intake.airflow_api import AirflowApi
from tiffin.intake.asking import ask_for_release
from tiffin.intake.runs import DEPLOY_DAG, ROLLBACK_DAG
from tiffin.platform import Platform, embedded_platform
from tiffin.registry.model_version import BAD_TAG
from tiffin.registry.refusals import said_versions
from tiffin.release.ledger import first_broken
from tiffin.release.phases import Phase
from tiffin.release.records import Records
from tiffin.release.release import OnConflict, Order, Release, ReleaseRequest, release_id
from tiffin.release.steps.opening import admitted, check_conflict
from tiffin.release.steps.rolling_back import ensure_aborted, ensure_rolled_back
from tiffin.release.traffic_back import TrafficMoved, roll_back_traffic

_ServiceName = Annotated[str, typer.Argument(help="The service's name, as in its file.")]
_AsJson = Annotated[bool, typer.Option("--json", help="Print JSON; progress goes to stderr.")]
_Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Follow the release to its end.")]


def register(app: typer.Typer) -> None:
    """Add the release commands to the application."""
    for command in (deploy, rollback, promote, abort, pause, resume, history, lift):
        app.command()(command)


def deploy(
    service: _ServiceName,
    version: Annotated[str | None, typer.Option(help="The version to deploy.")] = None,
    alias: Annotated[str | None, typer.Option(help="Or the alias that points to it.")] = None,
    strategy: Annotated[str | None, typer.Option(help="adaptive, steps or direct.")] = None,
    weights: Annotated[str | None, typer.Option(help="Percentages for steps: 5,25,50.")] = None,
    approval: Annotated[
        bool | None, typer.Option("--approval/--no-approval", help="Ask a person to promote.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Validate and package only.")] = False,
    on_conflict: Annotated[
        OnConflict, typer.Option(help="While another release is in progress: wait or refuse.")
    ] = OnConflict.REFUSE,
    wait: _Wait = True,
    as_json: _AsJson = False,
) -> None:
    """Deploy a model version to a service, through validation, smoke test and canary.

    Asked twice while it is in progress, it follows the same release.
    """
    platform, console = embedded_platform(), plain_console(stderr=as_json)
    if not version and not alias:
        raise _nothing_named(platform, service)
    request = ReleaseRequest(
        service=service,
        actor=getpass.getuser(),
        version=version,
        alias=alias,
        strategy=strategy,
        weights=parse_weights(weights) if weights else None,
        approval=approval,
        dry_run=dry_run,
        on_conflict=on_conflict,
    )
    api = AirflowApi(TiffinHome.from_environment())
    release = _ask(platform, api, request, console)
    if not wait:
        _say_how_to_follow(release, service, as_json, console)
        return
    ended = _follow(platform, api, release, service, console)
    _show_end(ended, as_json, console)
    if ended.phase is Phase.SUCCESSFUL and not dry_run:
        ask = curl_line(platform.catalog.service(service), platform.port_offset)
        console.print(f"Ask it: {ask}", soft_wrap=True)
    raise typer.Exit(exit_codes.exit_code_of_end(ended.phase))


def rollback(
    service: _ServiceName,
    revision: Annotated[
        str | None, typer.Option(help="The revision found bad; does nothing if it is not live.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why; it goes on the record.")] = "asked by a person",
    as_json: _AsJson = False,
) -> None:
    """Bring the previous revision back: traffic at once, then the record and the clean-up."""
    platform, console = embedded_platform(), plain_console(stderr=as_json)
    rollback = f"rollback-{service}-{datetime.now(UTC):%Y%m%dT%H%M%S}"
    began = datetime.now(UTC)
    moved = roll_back_traffic(platform.router, service, rollback, revision)
    milliseconds = (datetime.now(UTC) - began).total_seconds() * 1000
    _say_moved(moved, milliseconds, console)
    ended = _finish_rollback(platform, moved, rollback, revision, reason, console)
    _show_end(ended, as_json, console)


def promote(service: _ServiceName, as_json: _AsJson = False) -> None:
    """Promote the release in progress at its next look, whatever the evidence says so far."""
    _order(service, Order.PROMOTE, as_json)


def pause(service: _ServiceName, as_json: _AsJson = False) -> None:
    """Keep the canary's share where it is; a bad canary is still rolled back."""
    _order(service, Order.PAUSE, as_json)


def resume(service: _ServiceName, as_json: _AsJson = False) -> None:
    """Let a paused release go on."""
    _order(service, Order.RESUME, as_json)


def abort(service: _ServiceName, as_json: _AsJson = False) -> None:
    """Stop the release in progress and give all traffic to stable; the version is not blamed."""
    platform, console = embedded_platform(), plain_console(stderr=as_json)
    release = release_in_progress(platform.records, service)
    ended = ensure_aborted(platform, release.id, actor=getpass.getuser())
    _show_end(ended, as_json, console)


def history(
    service: Annotated[str | None, typer.Argument(help="Only this service's releases.")] = None,
    release: Annotated[str | None, typer.Argument(help="One release: its whole story.")] = None,
    limit: Annotated[int, typer.Option(help="How many releases to list.")] = 20,
    as_json: _AsJson = False,
) -> None:
    """List releases, or tell one release's ledger and check that its chain is intact."""
    platform = embedded_platform()
    records = platform.records
    if release is not None:
        _show_story(records, records.release(release), as_json)
        return
    releases = records.history(service, limit)
    if service is not None and not releases:
        platform.catalog.service(service)
    if as_json:
        print(json.dumps([release_json(found) for found in releases]))
    else:
        _list(releases, plain_console())


def lift(
    service: _ServiceName,
    version: Annotated[str, typer.Argument(help="The version that is tagged bad.")],
    as_json: _AsJson = False,
) -> None:
    """Take the bad tag from a version, so that it may be deployed again."""
    platform = embedded_platform()
    model = platform.catalog.service(service).model
    reason = platform.registry.version(model, version).bad_reason
    platform.registry.delete_tag(model, version, BAD_TAG)
    if as_json:
        print(json.dumps({"model": model, "version": version, "was_bad": reason}))
    else:
        said = f"was tagged bad: {reason}" if reason else "was not tagged bad"
        plain_console().print(f"Version {version} of {model} may be deployed ({said}).")


def parse_weights(text: str) -> tuple[float, ...]:
    """Turn `5,25,50` (percent) into shares below 1."""
    try:
        return tuple(float(part.strip().removesuffix("%")) / 100 for part in text.split(","))
    except ValueError as error:
        raise RefusedError(
            f"the weights {text!r} are no percentages; write them as 5,25,50", code="bad-request"
        ) from error


def release_in_progress(records: Records, service: str) -> Release:
    """Return the Release that orders are for: on its way, ahead of its promotion."""
    on_the_way = [
        release
        for release in records.in_progress(service)
        if not release.is_dry_run and release.phase.is_ahead_of_promotion
    ]
    if not on_the_way:
        raise RefusedError(
            f"no release of {service} is on its way to promotion; `tiffin history {service}` "
            "shows the latest",
            code="nothing-in-progress",
        )
    return on_the_way[-1]


def release_json(release: Release) -> dict[str, Any]:
    """Return a Release in the shape that docs/cli.md promises."""
    return {
        "id": release.id,
        "service": release.service,
        "model": release.model,
        "version": release.version,
        "phase": release.phase.value,
        "reason": release.reason,
        "actor": release.actor,
        "begun_at": release.begun_at.isoformat(),
        "changed_at": release.changed_at.isoformat(),
        "seconds": _seconds(release),
        "dry_run": release.is_dry_run,
        "stable": release.stable,
        "candidate": release.candidate.name if release.candidate else None,
        "image": release.candidate.image if release.candidate else None,
        "digest": release.digest,
    }


def _nothing_named(platform: Platform, service: str) -> RefusedError:
    model = platform.catalog.service(service).model
    known = platform.registry.versions(model)
    return RefusedError(
        f"give --version or --alias; of the model {model} {said_versions(known)}",
        code="bad-request",
    )


def _seconds(release: Release) -> float:
    """Return how long a Release took, or has been going on."""
    until = release.changed_at if release.phase.is_end else datetime.now(UTC)
    return (until - release.begun_at).total_seconds()


def _ask(platform: Platform, api: AirflowApi, request: ReleaseRequest, console: Console) -> str:
    """Refuse what would be refused, then start the DAG run; twice is the same run."""
    service, version = admitted(platform, request)
    attempts = platform.records.attempts(service.name, version.version)
    mine = release_id(service.name, version.version, attempts, dry_run=request.dry_run)
    check_conflict(platform, request, mine)
    pinned = replace(request, version=version.version, alias=None)
    asked = until_read(
        lambda: ask_for_release(api, platform.records, pinned), service.name, console
    )
    said = "begins" if asked.is_new else "is in progress already; this follows it"
    console.print(f"Release {asked.release} {said}.")
    return asked.release


def _follow(
    platform: Platform, api: AirflowApi, release: str, service: str, console: Console
) -> Release:
    watch = platform.catalog.service(service).watch
    try:
        return follow(
            platform.records, release, console, lambda: api.run_state(DEPLOY_DAG, release), watch
        )
    except KeyboardInterrupt:
        tiffin = typed("tiffin")
        console.print(
            f"Release {release} goes on without you; `{tiffin} history {service} {release}` tells "
            f"its story, `{tiffin} abort {service}` stops it."
        )
        raise typer.Exit(exit_codes.SUCCESSFUL) from None


def _finish_rollback(
    platform: Platform,
    moved: TrafficMoved,
    rollback: str,
    revision: str | None,
    reason: str,
    console: Console,
) -> Release:
    """Let the DAG finish the rollback; where Airflow does not answer, finish it here."""
    service, actor = moved.service, getpass.getuser()
    bad = moved.from_revision or revision
    api = AirflowApi(TiffinHome.from_environment())
    conf = {"service": service, "revision": bad, "reason": reason, "actor": actor}
    try:
        api.trigger(ROLLBACK_DAG, rollback, conf)
        return follow(
            platform.records, rollback, console, lambda: api.run_state(ROLLBACK_DAG, rollback)
        )
    except UnavailableError as error:
        console.print(f"{error.message}; finishing the rollback from here")
        return ensure_rolled_back(
            platform, service, rollback, actor=actor, reason=reason, revision=bad
        )


def _say_moved(moved: TrafficMoved, milliseconds: float, console: Console) -> None:
    said = (
        f"All traffic of {moved.service} is back on {moved.to_revision} ({milliseconds:.0f} ms)."
        if moved.changed
        else f"{moved.service} keeps {moved.to_revision}: {moved.from_revision} has no traffic."
    )
    console.print(said)


def _order(service: str, order: Order, as_json: bool) -> None:
    records = embedded_platform().records
    release = release_in_progress(records, service)
    records.give_order(release.id, order, getpass.getuser())
    if as_json:
        print(json.dumps({"release": release.id, "order": order.value}))
    else:
        plain_console().print(f"Release {release.id} will {order.value}.")


def _say_how_to_follow(release: str, service: str, as_json: bool, console: Console) -> None:
    if as_json:
        print(json.dumps({"id": release, "service": service}))
    console.print(f"`{typed('tiffin')} history {service} {release}` tells how it goes.")


def _show_end(ended: Release, as_json: bool, console: Console) -> None:
    if as_json:
        print(json.dumps(release_json(ended)))
    console.print(f"{ended.id} is {ended.phase.value}: {ended.reason}")


def _list(releases: tuple[Release, ...], console: Console) -> None:
    for release in releases:
        begun = release.begun_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        facts = f"{release.id:<24} {release.phase.value:<12} {begun}  {_seconds(release):.0f} s"
        console.print(f"{facts}  by {release.actor}", markup=False, soft_wrap=True)
        if release.reason:
            console.print(f"    {release.reason}", markup=False, soft_wrap=True)


def _show_story(records: Records, release: Release, as_json: bool) -> None:
    entries = records.entries(release.id)
    broken = first_broken(entries)
    if as_json:
        lines = [asdict(entry) | {"at": entry.at.isoformat()} for entry in entries]
        chain = {"intact": broken is None, "first_broken": broken, "head": entries[-1].hash}
        told = {"release": release_json(release), "entries": lines, "ledger": chain}
        print(json.dumps(told))
    else:
        console = plain_console()
        for line in tell(entries):
            console.print(
                f"{line.at:%H:%M:%S.%f}"[:12] + f"  {line.sentence}", markup=False, soft_wrap=True
            )
        intact = f"ledger intact: {len(entries)} entries, head {entries[-1].hash[:12]}"
        console.print(intact if broken is None else f"LEDGER BROKEN from entry {broken} on")
    if broken is not None:
        raise typer.Exit(exit_codes.BAD)
