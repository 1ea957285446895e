"""A Release from ramp to end, on in-memory adapters with steady callers: every way it can go."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from tiffin.errors import (
    FencedError,
    MeasuredBadError,
    RefusedError,
    UnavailableError,
    UndecidedError,
)
from tiffin.platform import Platform
from tiffin.registry.model_version import BAD_TAG, CHALLENGER, CHAMPION
from tiffin.release.cleaning import tidy
from tiffin.release.ledger import first_broken
from tiffin.release.phases import Phase
from tiffin.release.release import OnConflict, Order, Release, ReleaseRequest
from tiffin.release.steps.ending import ensure_settled
from tiffin.release.steps.opening import try_open_release
from tiffin.release.steps.promoting import ensure_promoted, ensure_watched
from tiffin.release.steps.ramping import ensure_ramped, guard_approval
from tiffin.release.steps.rolling_back import ensure_aborted, ensure_rolled_back
from tiffin.release.traffic_back import roll_back_traffic
from tiffin.services.catalog import ServiceCatalog
from tiffin.services.spec import Service
from tiffin.targets.target import RevisionState
from tiffin.traffic.counters import Reading
from tiffin.traffic.memory_counters import MemoryCounters
from tiffin.traffic.split import WHOLE

OLD, NEW = "v1-01abcdef", "v2-abcdef01"
ReadyToRamp = Callable[..., Release]


def weights(platform: Platform) -> dict[str, int]:
    route = platform.router.read("iris")
    assert route is not None
    return {backend.revision: backend.weight for backend in route.split.backends}


def champion(platform: Platform) -> str | None:
    version = platform.registry.version_by_alias("iris", CHAMPION)
    return version.version if version else None


def settled(platform: Platform, release: str) -> Release:
    end = ensure_settled(platform, release)
    assert end is not None
    return end


def ramp_and_promote(platform: Platform, release: Release) -> None:
    ensure_ramped(platform, release.id)
    ensure_promoted(platform, release.id)


def test_a_good_candidate_is_promoted_and_the_old_one_kept_warm(
    platform: Platform, callers: object, ready_to_ramp: ReadyToRamp
) -> None:
    release = ready_to_ramp()
    ramp_and_promote(platform, release)
    ensure_watched(platform, release.id)
    end = settled(platform, release.id)
    assert end.phase is Phase.SUCCESSFUL
    assert weights(platform) == {OLD: 0, NEW: WHOLE}
    assert champion(platform) == "2"
    assert platform.registry.version_by_alias("iris", CHALLENGER) is None
    assert platform.target.status("iris", OLD).state is RevisionState.READY
    assert first_broken(platform.records.entries(release.id)) is None
    assert platform.records.claimant("iris") is None


def test_every_step_may_run_again_after_it_has_passed(
    platform: Platform, callers: object, ready_to_ramp: ReadyToRamp
) -> None:
    release = ready_to_ramp()
    for step in (ensure_ramped, ensure_promoted):
        step(platform, release.id)
        step(platform, release.id)
    assert ensure_ramped(platform, release.id).phase is Phase.PROMOTING
    ensure_watched(platform, release.id)
    assert settled(platform, release.id) == settled(platform, release.id)


def test_a_candidate_that_errs_is_rolled_back_and_tagged(
    platform: Platform, callers, ready_to_ramp: ReadyToRamp
) -> None:
    callers.error_rates[NEW] = 0.2
    release = ready_to_ramp()
    with pytest.raises(MeasuredBadError) as bad:
        ensure_ramped(platform, release.id)
    assert bad.value.code == "canary-worse"
    assert weights(platform)[OLD] == WHOLE
    end = settled(platform, release.id)
    assert end.phase is Phase.ROLLED_BACK
    assert "surely worse" in end.reason
    tags = platform.registry.version("iris", "2").tags
    assert "surely worse" in tags[BAD_TAG]
    assert weights(platform) == {OLD: WHOLE}
    assert platform.target.status("iris", NEW).state is RevisionState.ABSENT
    with pytest.raises(RefusedError, match="tagged bad"):
        ready_to_ramp(release_id="iris-v2-2")


def test_errors_that_both_make_roll_nothing_back(
    platform: Platform, callers, ready_to_ramp: ReadyToRamp
) -> None:
    callers.error_rates[OLD] = callers.error_rates[NEW] = 0.04
    release = ready_to_ramp()
    ensure_ramped(platform, release.id)
    assert not platform.records.entries(release.id, "error")


def test_no_traffic_is_neither_success_nor_failure(
    platform: Platform, service: Service, ready_to_ramp: ReadyToRamp
) -> None:
    release = ready_to_ramp()
    quick = service.model_copy(
        update={
            "rollout": service.rollout.model_copy(
                update={
                    "deadline": service.rollout.look_every * 10,
                    "at_deadline": "inconclusive",
                }
            )
        }
    )
    object.__setattr__(platform, "catalog", ServiceCatalog((quick,)))
    with pytest.raises(UndecidedError, match="no traffic is neither"):
        ensure_ramped(platform, release.id)
    end = settled(platform, release.id)
    assert end.phase is Phase.INCONCLUSIVE
    assert BAD_TAG not in platform.registry.version("iris", "2").tags


class _KilledError(BaseException):
    """Nothing catches it, as nothing catches SIGKILL."""


def test_a_ramp_that_was_killed_goes_on_from_its_ledger(
    platform: Platform, callers, ready_to_ramp: ReadyToRamp, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = ready_to_ramp()
    callers.error_rates[OLD] = callers.error_rates[NEW] = 0.04

    def killed_at_the_fifth_look(service: str) -> Reading:
        if len(platform.records.entries(release.id, "look")) == 4:
            raise _KilledError
        return MemoryCounters.read(platform.counters, service)

    with monkeypatch.context() as patched:
        patched.setattr(platform.counters, "read", killed_at_the_fifth_look)
        with pytest.raises(_KilledError):
            ensure_ramped(platform, release.id)
    share = weights(platform)[NEW]
    assert share > 0
    ensure_ramped(platform, release.id)
    looks = platform.records.entries(release.id, "look")
    assert looks[4].body["analysis"]["looks"] == 5
    assert first_broken(platform.records.entries(release.id)) is None


def test_a_ramp_begun_twice_goes_on_once(
    platform: Platform, callers: object, ready_to_ramp: ReadyToRamp
) -> None:
    release = ready_to_ramp(strategy="steps", weights=(0.1, 0.5))
    platform.records.give_order(release.id, Order.PAUSE, "admin")
    lost = threading.Thread(target=_until_ended, args=(platform, release.id))
    lost.start()
    _wait_for(lambda: len(platform.records.entries(release.id, "look")) >= 2)
    newer = threading.Thread(target=_until_ended, args=(platform, release.id))
    newer.start()
    lost.join(10)
    assert not lost.is_alive()
    assert newer.is_alive()
    ensure_aborted(platform, release.id, actor="admin")
    newer.join(10)
    assert not newer.is_alive()


def _until_ended(platform: Platform, release: str) -> None:
    with suppress(FencedError):
        ensure_ramped(platform, release)


def test_the_steps_strategy_visits_every_weight(
    platform: Platform, callers: object, ready_to_ramp: ReadyToRamp
) -> None:
    release = ready_to_ramp(strategy="steps", weights=(0.05, 0.2, 0.5))
    ensure_ramped(platform, release.id)
    shares = [entry.body["share"] for entry in platform.records.entries(release.id, "look")]
    assert sorted(set(shares)) == [500, 2000, 5000]
    assert shares == sorted(shares)


def test_a_pause_holds_the_share_and_still_rolls_back(
    platform: Platform, callers, ready_to_ramp: ReadyToRamp
) -> None:
    release = ready_to_ramp(strategy="steps", weights=(0.3, 0.5))
    ramp = threading.Thread(target=_expect_bad, args=(platform, release.id))
    ramp.start()
    _wait_for(lambda: weights(platform)[NEW] == 3000)
    platform.records.give_order(release.id, Order.PAUSE, "admin")
    time.sleep(0.3)
    assert weights(platform)[NEW] == 3000
    callers.error_rates[NEW] = 0.5
    ramp.join(20)
    assert weights(platform)[NEW] == 0


def _expect_bad(platform: Platform, release: str) -> None:
    with pytest.raises(MeasuredBadError):
        ensure_ramped(platform, release)


def test_an_order_to_promote_ends_the_ramp(platform: Platform, ready_to_ramp: ReadyToRamp) -> None:
    release = ready_to_ramp()
    platform.records.give_order(release.id, Order.PROMOTE, "admin")
    assert ensure_ramped(platform, release.id).phase is Phase.RAMPING
    ensure_promoted(platform, release.id)
    assert weights(platform)[NEW] == WHOLE


def test_a_candidate_that_turns_bad_while_a_person_thinks_is_rolled_back(
    platform: Platform, callers, ready_to_ramp: ReadyToRamp
) -> None:
    release = ready_to_ramp()
    ensure_ramped(platform, release.id)
    callers.error_rates[NEW] = 0.4
    with pytest.raises(MeasuredBadError):
        guard_approval(platform, release.id, lambda: False)
    assert weights(platform)[OLD] == WHOLE
    assert settled(platform, release.id).phase is Phase.ROLLED_BACK


def test_a_regression_after_promotion_rolls_back(
    platform: Platform, service: Service, callers, ready_to_ramp: ReadyToRamp
) -> None:
    long = service.model_copy(update={"watch": service.rollout.deadline})
    object.__setattr__(platform, "catalog", ServiceCatalog((long,)))
    release = ready_to_ramp()
    ramp_and_promote(platform, release)
    callers.error_rates[NEW] = 0.5
    with pytest.raises(MeasuredBadError, match="after its promotion"):
        ensure_watched(platform, release.id)
    assert settled(platform, release.id).phase is Phase.ROLLED_BACK
    assert weights(platform) == {OLD: WHOLE}
    assert champion(platform) == "1"


def test_a_second_deploy_is_refused_or_waits_as_it_was_asked(
    platform: Platform, ready_to_ramp: ReadyToRamp
) -> None:
    first = ready_to_ramp()
    third = ReleaseRequest("iris", "admin", version="3")
    with pytest.raises(RefusedError, match=f"release {first.id} of iris is in progress"):
        try_open_release(platform, third, "iris-v3-1")
    waiting = ReleaseRequest("iris", "admin", version="3", on_conflict=OnConflict.WAIT)
    assert try_open_release(platform, waiting, "iris-v3-1") == first.id
    ensure_aborted(platform, first.id, actor="admin")
    opened = try_open_release(platform, waiting, "iris-v3-1")
    assert isinstance(opened, Release)


def test_asking_twice_is_asking_once(platform: Platform) -> None:
    request = ReleaseRequest("iris", "admin", version="2")
    first = try_open_release(platform, request, "iris-v2-1")
    second = try_open_release(platform, request, "iris-v2-1")
    assert isinstance(first, Release)
    assert isinstance(second, Release)
    assert (first.id, first.begun_at) == (second.id, second.begun_at)


def test_an_abort_fences_the_release_and_tags_nothing(
    platform: Platform, callers: object, ready_to_ramp: ReadyToRamp
) -> None:
    release = ready_to_ramp(strategy="steps", weights=(0.3, 0.5))
    platform.records.give_order(release.id, Order.PAUSE, "admin")
    ensure_aborted(platform, release.id, actor="admin")
    assert weights(platform) == {OLD: WHOLE}
    with pytest.raises(FencedError):
        ensure_ramped(platform, release.id)
    assert BAD_TAG not in platform.registry.version("iris", "2").tags
    assert platform.registry.version_by_alias("iris", CHALLENGER) is None


def test_a_rollback_wins_over_a_ramp_in_progress(
    platform: Platform, callers: object, ready_to_ramp: ReadyToRamp
) -> None:
    release = ready_to_ramp(strategy="steps", weights=(0.3, 0.5))
    ramp = threading.Thread(target=_until_ended, args=(platform, release.id))
    ramp.start()
    _wait_for(lambda: weights(platform)[NEW] == 3000)
    rolled = ensure_rolled_back(
        platform, "iris", "rollback-1", actor="alert", reason="too many errors"
    )
    ramp.join(20)
    assert not ramp.is_alive()
    assert rolled.phase is Phase.ROLLED_BACK
    assert weights(platform)[OLD] == WHOLE
    assert settled(platform, release.id).phase is Phase.ROLLED_BACK
    assert "too many errors" in platform.registry.version("iris", "2").tags[BAD_TAG]


def test_a_rollback_after_promotion_goes_to_the_previous_revision_once(
    platform: Platform, callers: object, ready_to_ramp: ReadyToRamp
) -> None:
    release = ready_to_ramp()
    ramp_and_promote(platform, release)
    ensure_watched(platform, release.id)
    settled(platform, release.id)
    for _ in range(2):
        ensure_rolled_back(platform, "iris", "rollback-1", actor="alert", reason="errors")
        assert weights(platform) == {OLD: WHOLE}
    assert champion(platform) == "1"
    with pytest.raises(RefusedError) as refused:
        ensure_rolled_back(platform, "iris", "rollback-2", actor="alert", reason="errors")
    assert refused.value.code == "nothing-to-roll-back-to"


def test_the_fast_lane_first_and_the_record_later_is_one_rollback(
    platform: Platform, callers: object, ready_to_ramp: ReadyToRamp
) -> None:
    release = ready_to_ramp()
    ramp_and_promote(platform, release)
    moved = roll_back_traffic(platform.router, "iris", "rollback-1")
    assert (moved.from_revision, moved.to_revision, moved.changed) == (NEW, OLD, True)
    again = roll_back_traffic(platform.router, "iris", "rollback-1")
    assert not again.changed
    with pytest.raises(FencedError):
        ensure_promoted(platform, release.id)
    rolled = ensure_rolled_back(platform, "iris", "rollback-1", actor="alert", reason="errors")
    assert rolled.candidate is not None
    assert rolled.candidate.name == NEW
    assert champion(platform) == "1"
    assert settled(platform, release.id).phase is Phase.ROLLED_BACK


def test_an_alert_about_a_revision_that_is_gone_changes_nothing(
    platform: Platform, callers: object, ready_to_ramp: ReadyToRamp
) -> None:
    before = platform.router.read("iris")
    moved = roll_back_traffic(platform.router, "iris", "rollback-1", "v9-gone")
    assert not moved.changed
    assert platform.router.read("iris") == before


def test_an_alert_for_an_unknown_service_is_refused(platform: Platform) -> None:
    with pytest.raises(RefusedError, match="the routed ones: iris"):
        roll_back_traffic(platform.router, "irsi", "rollback-1")


def test_a_candidate_that_dies_and_stays_down_is_rolled_back(
    platform: Platform, callers, ready_to_ramp: ReadyToRamp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tiffin.release.looks._PATIENCE_S", 0.2)
    callers.per_tick = 1
    release = ready_to_ramp(strategy="steps", weights=(0.1, 0.5))
    platform.target.become("iris", NEW, RevisionState.STARTING, "it was killed")
    with pytest.raises(MeasuredBadError) as bad:
        ensure_ramped(platform, release.id)
    assert bad.value.code == "candidate-down"
    assert weights(platform)[OLD] == WHOLE


def test_a_task_that_was_lost_without_a_word_ends_in_error(
    platform: Platform, ready_to_ramp: ReadyToRamp
) -> None:
    release = ready_to_ramp()
    end = settled(platform, release.id)
    assert end.phase is Phase.ERROR
    assert weights(platform) == {OLD: WHOLE}
    assert BAD_TAG not in platform.registry.version("iris", "2").tags


def test_an_actor_who_may_not_deploy_is_refused(platform: Platform, service: Service) -> None:
    guarded = service.model_copy(update={"deployers": ("ada",)})
    object.__setattr__(platform, "catalog", ServiceCatalog((guarded,)))
    with pytest.raises(RefusedError, match="bob may not deploy iris"):
        try_open_release(platform, ReleaseRequest("iris", "bob", version="2"), "iris-v2-1")
    assert platform.records.claimant("iris") is None


def test_a_request_with_a_version_and_an_alias_is_refused() -> None:
    with pytest.raises(RefusedError, match="not both"):
        ReleaseRequest("iris", "admin", version="2", alias="challenger")


def test_a_fast_lane_that_the_router_did_not_answer_is_no_rollback_yet(
    platform: Platform,
    callers: object,
    ready_to_ramp: ReadyToRamp,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    release = ready_to_ramp()
    ramp_and_promote(platform, release)

    def does_not_answer(*_: object, **__: object) -> None:
        raise UnavailableError("the gateway did not answer", code="gateway-unavailable")

    with monkeypatch.context() as patched:
        patched.setattr(platform.router, "write", does_not_answer)
        with pytest.raises(UnavailableError):
            roll_back_traffic(platform.router, "iris", "rollback-1")
    assert weights(platform)[NEW] == WHOLE
    rolled = ensure_rolled_back(platform, "iris", "rollback-1", actor="alert", reason="errors")
    assert rolled.candidate is not None
    assert rolled.candidate.name == NEW
    assert weights(platform)[OLD] == WHOLE
    assert champion(platform) == "1"


def test_the_version_that_an_alert_named_is_blamed_and_not_the_newest(
    platform: Platform, callers: object, ready_to_ramp: ReadyToRamp
) -> None:
    promoted = ready_to_ramp()
    ramp_and_promote(platform, promoted)
    ensure_watched(platform, promoted.id)
    settled(platform, promoted.id)
    ready_to_ramp(version="3")
    moved = roll_back_traffic(platform.router, "iris", "rollback-1", NEW)
    assert moved.changed
    ensure_rolled_back(platform, "iris", "rollback-1", actor="alert", reason="errors", revision=NEW)
    assert BAD_TAG in platform.registry.version("iris", "2").tags
    assert BAD_TAG not in platform.registry.version("iris", "3").tags
    assert platform.records.release("iris-v3-1").phase is Phase.ABORTED
    assert champion(platform) == "1"


def test_stale_news_ends_no_release(
    platform: Platform, callers: object, ready_to_ramp: ReadyToRamp
) -> None:
    bad = ready_to_ramp()
    ensure_aborted(platform, bad.id, actor="admin")
    other = ready_to_ramp(version="3")
    ensure_rolled_back(
        platform, "iris", "rollback-1", actor="alert", reason="late news", revision=NEW
    )
    assert platform.records.release(other.id).phase is Phase.SMOKING
    assert platform.records.claimant("iris") == other.id


def test_a_rollback_in_the_watch_ends_the_release_as_rolled_back(
    platform: Platform, service: Service, callers: object, ready_to_ramp: ReadyToRamp
) -> None:
    long = service.model_copy(update={"watch": service.rollout.deadline})
    object.__setattr__(platform, "catalog", ServiceCatalog((long,)))
    release = ready_to_ramp()
    ramp_and_promote(platform, release)
    roll_back_traffic(platform.router, "iris", "rollback-1")
    with pytest.raises(FencedError):
        ensure_watched(platform, release.id)
    assert settled(platform, release.id).phase is Phase.ROLLED_BACK
    assert champion(platform) == "1"


def test_tidying_leaves_a_service_alone_that_a_release_holds(
    platform: Platform, callers: object, ready_to_ramp: ReadyToRamp
) -> None:
    release = ready_to_ramp()
    before = platform.router.read("iris")
    assert tidy(platform, "iris", by="reconcile-iris") == ()
    assert platform.router.read("iris") == before
    assert platform.records.claimant("iris") == release.id


def test_a_deploy_waits_for_housekeeping_even_if_it_would_not_wait_for_a_release(
    platform: Platform,
) -> None:
    platform.records.claim("iris", "reconcile-iris")
    request = ReleaseRequest("iris", "admin", version="2")
    assert try_open_release(platform, request, "iris-v2-1") == "reconcile-iris"
    platform.records.disclaim("iris", "reconcile-iris")
    assert isinstance(try_open_release(platform, request, "iris-v2-1"), Release)


def test_a_dry_run_takes_no_alias_away(platform: Platform) -> None:
    platform.registry.set_alias("iris", CHALLENGER, "2")
    request = ReleaseRequest("iris", "admin", version="2", dry_run=True)
    dry = try_open_release(platform, request, "iris-v2-1-dry-run")
    assert isinstance(dry, Release)
    settled(platform, dry.id)
    assert platform.registry.version_by_alias("iris", CHALLENGER) is not None


def _wait_for(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)
