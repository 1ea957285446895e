"""The demo's story: three services, a good version, a bad one, an alert; and what callers saw.

Told again on a running stack it begins by going back to the first version, so each telling is the
same story with new attempts. Killed at any point, the stack is as consistent as after any crash,
and the next telling puts the first version back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from rich.console import Console

from tiffin.cli.progress import follow
from tiffin.demo import summary
from tiffin.demo.alert import new_alert, send
from tiffin.demo.load import SteadyLoad
from tiffin.demo.measures import (
    Ended,
    Outcome,
    entered,
    failed_at,
    last_answer,
    seconds_between,
)
from tiffin.demo.training import Versions, train_when_registry_answers
from tiffin.errors import MeasuredBadError, UnavailableError
from tiffin.home import TiffinHome
from tiffin.intake.airflow_api import AirflowApi
from tiffin.intake.asking import ask_for_release
from tiffin.intake.runs import DEPLOY_DAG, ROLLBACK_DAG
from tiffin.platform import Platform, embedded_platform
from tiffin.registry.model_version import BAD_TAG, CHALLENGER
from tiffin.release.phases import Phase
from tiffin.release.release import OnConflict, Release, ReleaseRequest
from tiffin.release.steps.rolling_back import ensure_aborted

SERVICE = "credit-risk"
FIRST = {
    "credit-risk": "credit-risk:v1",
    "house-prices": "house-prices:v1",
    "job-training": "job-training:v1",
}
_GOOD, _BAD = "credit-risk:v2", "credit-risk:v3"
_WEBHOOK_WITHIN_S = 90.0
"""A lost webhook is made good by the reconcile, which comes every minute."""
_QUIET_S = 2.0
"""How long the load goes on after the rollback, to see who answers."""


def play() -> int:
    """Play the story on the stack of TIFFIN_HOME; return 0 when all went as it should."""
    began, home, console = time.monotonic(), TiffinHome.from_environment(), Console()
    versions = _stack_with_models(home, console)
    story = Story(home, versions, console)
    story.put_first_versions_live()
    outcome = story.go_on(began)
    file = summary.write(outcome, home.path)
    summary.show(outcome, console)
    console.print(f"Also in {file}", highlight=False, soft_wrap=True)
    summary.say_what_next(home, story.url, console)
    return 1 if outcome.problems else 0


class Story:
    """The story on one stack; every act leaves it consistent."""

    def __init__(self, home: TiffinHome, versions: Versions, console: Console) -> None:
        self._home, self._versions, self._console = home, versions, console
        self._platform: Platform = embedded_platform(home)
        self._runs = AirflowApi(home)
        self._ended: list[Ended] = []
        service = self._platform.catalog.service(SERVICE)
        self.url = f"http://127.0.0.1:{service.port + home.port_offset}"

    def put_first_versions_live(self) -> None:
        """Deploy the first version of each service that does not run it, all at once."""
        self._clear_the_stage()
        for recipe in (_GOOD, _BAD):
            self._platform.registry.delete_tag(SERVICE, self._versions[recipe], BAD_TAG)
        missing = [name for name, recipe in FIRST.items() if self._live(name) != self._of(recipe)]
        if not missing:
            return
        self._console.rule("The first versions go live")
        releases = [self._ask(name, self._of(FIRST[name])) for name in missing]
        for name, release in zip(missing, releases, strict=True):
            _insist(self._follow(release, DEPLOY_DAG, name, Phase.SUCCESSFUL))

    def _clear_the_stage(self) -> None:
        """Abort what an earlier telling, killed half-way, left in progress."""
        for release in self._platform.records.in_progress(SERVICE):
            if release.phase.is_ahead_of_promotion:
                self._console.print(f"aborting {release.id} of an earlier demo", highlight=False)
                ensure_aborted(self._platform, release.id, actor="demo")

    def go_on(self, began: float) -> Outcome:
        """Promote a good version, roll back a bad one, obey an alert; all under load."""
        load = SteadyLoad(self.url, self._home.folder("demo"))
        with load.running():
            self._console.rule("A good version: its alias is moved in MLflow")
            promoted_s, good = self._good_version()
            self._console.rule("A bad version: its alias is moved in MLflow")
            rolled_back_s = self._bad_version()
            self._console.rule("An alert about the version that was promoted")
            alerted_at = self._alert(good)
            time.sleep(_QUIET_S)
        last_bad = last_answer(load.seen.answers, good)
        return Outcome(
            seen=load.seen,
            seconds=time.monotonic() - began,
            releases=tuple(self._ended),
            seconds_webhook_to_promoted=promoted_s,
            seconds_bad_canary_to_rolled_back=rolled_back_s,
            seconds_alert_to_last_bad_answer=max(0.0, seconds_between(alerted_at, last_bad)),
            live_version=self._live(SERVICE) or "none",
            expected_version=self._of(FIRST[SERVICE]),
            versions=self._versions,
        )

    def _good_version(self) -> tuple[float, str]:
        asked_at, release = self._move_alias(_GOOD)
        ended = _insist(self._follow(release, DEPLOY_DAG, SERVICE, Phase.SUCCESSFUL))
        promoted_at = entered(self._platform.records.entries(release), Phase.WATCHING)
        revision = ended.candidate.name if ended.candidate else ""
        return seconds_between(asked_at, promoted_at), revision

    def _bad_version(self) -> float:
        _, release = self._move_alias(_BAD)
        self._follow(release, DEPLOY_DAG, SERVICE, Phase.ROLLED_BACK)
        entries = self._platform.records.entries(release)
        return seconds_between(entered(entries, Phase.RAMPING), failed_at(entries))

    def _alert(self, revision: str) -> float:
        alert = new_alert(SERVICE, revision)
        sent_at = time.time()
        rollback = send(self._home, alert)
        self._follow(rollback, ROLLBACK_DAG, SERVICE, Phase.ROLLED_BACK)
        return sent_at

    def _move_alias(self, recipe: str) -> tuple[float, str]:
        """Set `challenger` in MLflow; its webhook begins a Release, whose id is returned."""
        version, now = self._of(recipe), datetime.now(UTC)
        self._platform.registry.set_alias(SERVICE, CHALLENGER, version)
        begun = _wait_for(lambda: self._begun_after(version, now), _WEBHOOK_WITHIN_S)
        return now.timestamp(), begun.id

    def _begun_after(self, version: str, moment: datetime) -> Release | None:
        releases = self._platform.records.history(SERVICE, limit=5)
        return next((r for r in releases if r.version == version and r.begun_at > moment), None)

    def _ask(self, service: str, version: str) -> str:
        request = ReleaseRequest(
            service=service,
            actor="demo",
            version=version,
            strategy="direct",
            on_conflict=OnConflict.WAIT,
        )
        return ask_for_release(self._runs, self._platform.records, request).release

    def _follow(self, release: str, dag: str, service: str, expected: Phase) -> Release:
        self._console.print(release, highlight=False)
        ended = follow(
            self._platform.records,
            release,
            self._console,
            lambda: self._runs.run_state(dag, release),
        )
        self._console.print(f"  {ended.phase.value}: {ended.reason}", highlight=False)
        version = ended.candidate.version if ended.candidate else ended.version
        facts = (release, service, version, ended.phase.value, expected.value, ended.reason)
        self._ended.append(Ended(*facts))
        return ended

    def _live(self, service: str) -> str | None:
        route = self._platform.router.read(service)
        if route is None:
            return None
        revision = self._platform.records.revision(service, route.split.fallback)
        return revision.version if revision else None

    def _of(self, recipe: str) -> str:
        return self._versions[recipe]


def _stack_with_models(home: TiffinHome, console: Console) -> Versions:
    """Bring the stack up and train beside it, as soon as MLflow answers."""
    from tiffin.stack import lifecycle

    console.rule("The stack, and three models trained on real data")
    home.remember_settings()
    given_up = threading.Event()
    with ThreadPoolExecutor(max_workers=1) as beside:
        trained = beside.submit(train_when_registry_answers, home, given_up)
        try:
            lifecycle.up(home, lambda step, took: console.print(f"  {step:<18} {took:5.1f} s"))
        except BaseException:
            given_up.set()  # else the executor would wait for a registry that never answers
            raise
        with console.status("Training"):
            versions = trained.result()
    for recipe, version in versions.items():
        console.print(f"  {recipe:<18} is version {version}", highlight=False)
    return versions


def _insist(ended: Release) -> Release:
    """Stop the story when an act that the next ones build on did not succeed."""
    if ended.phase is not Phase.SUCCESSFUL:
        raise MeasuredBadError(
            f"the demo can't go on: {ended.id} ended {ended.phase.value} ({ended.reason})",
            code="demo-stopped",
        )
    return ended


def _wait_for(find: Callable[[], Release | None], seconds: float) -> Release:
    deadline = time.monotonic() + seconds
    while (found := find()) is None:
        if time.monotonic() > deadline:
            raise UnavailableError(
                f"no release began within {seconds:.0f} s of moving the alias; see the task log "
                "of reconcile_registry in Airflow, and `tiffin logs airflow-api-server`",
                code="webhook-without-release",
            )
        time.sleep(0.2)
    return found
