"""Settle: whatever happened, leave one consistent state. Traffic first, record second, clean-up."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from tiffin.errors import FencedError
from tiffin.platform import Platform
from tiffin.registry.model_version import BAD_TAG, CHALLENGER, CHAMPION
from tiffin.release.cleaning import tidy
from tiffin.release.phases import Phase
from tiffin.release.release import Release
from tiffin.release.traffic_back import move_traffic_back, was_taken_back

_ENDS = {
    "MeasuredBadError": Phase.FAILED,
    "RefusedError": Phase.FAILED,
    "FencedError": Phase.ABORTED,
    "UndecidedError": Phase.INCONCLUSIVE,
    "UnavailableError": Phase.ERROR,
}
_CARRIED_TRAFFIC = {Phase.RAMPING, Phase.PROMOTING, Phase.WATCHING}


def ensure_settled(platform: Platform, release_id: str) -> Release | None:
    """Bring a Release to its end and clean up after it; run again, it changes nothing.

    A Release that was never recorded (it was refused when it asked) gives None.
    """
    release = platform.records.find(release_id)
    if release is None:
        return None
    if not release.phase.is_end:
        with suppress(FencedError):  # a rollback is quicker, and ends it in its own words
            move_traffic_back(platform, release)
            _end(platform, release)
        release = platform.records.release(release_id)
    if not release.is_dry_run:
        _settle_registry(platform, release)
        tidy(platform, release.service, by=release.id)
        platform.records.disclaim(release.service, release.id)
    _close_registry_run(platform, release)
    return release


def _end(platform: Platform, release: Release) -> None:
    """Name the end by the last error in the ledger; none means that the task was lost."""
    errors = platform.records.entries(release.id, "error")
    last: Mapping[str, Any] = errors[-1].body if errors else {}
    end = _ENDS.get(last.get("branch", ""), Phase.ERROR)
    if release.phase in _CARRIED_TRAFFIC and (
        end is Phase.FAILED or (end is Phase.ABORTED and was_taken_back(platform.router, release))
    ):
        end = Phase.ROLLED_BACK
    reason = last.get("message", f"the task that ran it in phase {release.phase} was lost")
    platform.records.move(release.id, end, reason=reason)


def _settle_registry(platform: Platform, release: Release) -> None:
    """Take the aliases back; tag a version that was measured and found bad."""
    platform.registry.delete_alias(release.model, CHALLENGER, only_if=release.version)
    if release.phase is not Phase.SUCCESSFUL:
        _give_champion_back(platform, release)
    if release.phase in (Phase.FAILED, Phase.ROLLED_BACK):
        measured = any(
            entry.body["branch"] == "MeasuredBadError" and entry.body["code"] != "ramp-deadline"
            for entry in platform.records.entries(release.id, "error")
        )
        if measured:  # a ramp that ran out of time proves nothing about the version
            platform.registry.set_tag(release.model, release.version, BAD_TAG, release.reason)


def _give_champion_back(platform: Platform, release: Release) -> None:
    """Champion follows the traffic: it leaves a version that was promoted and did not stay."""
    champion = platform.registry.version_by_alias(release.model, CHAMPION)
    route = platform.router.read(release.service)
    live = platform.records.revision(release.service, route.split.fallback) if route else None
    if champion is not None and live is not None and champion.version == release.version:
        platform.registry.set_alias(release.model, CHAMPION, live.version)


def _close_registry_run(platform: Platform, release: Release) -> None:
    """Log the curves and the ledger to the registry's run; its head hash anchors the chain."""
    if not release.registry_run:
        return
    entries = platform.records.entries(release.id)
    points = []
    looks = [entry for entry in entries if entry.kind == "look"]
    for number, entry in enumerate(looks, start=1):
        at = int(entry.at.timestamp() * 1000)
        points.append(("candidate_share", entry.body["share"] / 10_000, at, number))
        points.append(("requests", float(entry.body["requests"]), at, number))
        bad, total = entry.body["block"][0], entry.body["block"][1]
        points.append(("candidate_error_rate", bad / total if total else 0.0, at, number))
    platform.registry.log_metrics(release.registry_run, points)
    file = platform.workspace_of(release.id) / "ledger.json"
    lines = [asdict(entry) | {"at": entry.at.isoformat()} for entry in entries]
    file.write_text(json.dumps(lines, indent=1), encoding="utf-8")
    platform.registry.log_file(release.registry_run, file)
    tags = {
        "tiffin.phase": release.phase.value,
        "tiffin.reason": release.reason,
        "tiffin.ledger_head": entries[-1].hash,
    }
    succeeded = release.phase is Phase.SUCCESSFUL
    platform.registry.end_run(release.registry_run, succeeded=succeeded, tags=tags)
