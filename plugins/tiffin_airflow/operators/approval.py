"""A person approves before promotion, while the analysis goes on looking at the candidate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator

from tiffin_airflow.failing import airflow_failures
from tiffin_airflow.operators.release_operator import ReleaseOperator, skip, skip_if_ended

if TYPE_CHECKING:
    from tiffin.platform import Platform
    from tiffin.release.release import Release
    from tiffin.services.spec import Service

ANSWERED = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})
"""The states of an approval task that nobody needs to wait for any more."""
WAITING = "awaiting_input"
_NOBODY = "the approval's deadline"


class ApproveReleaseOperator(ApprovalOperator):  # type: ignore[misc]
    """Asks a person whether the candidate is promoted; skipped when the Service needs no approval.

    Rejected, or not answered in time, the Release is aborted: traffic first. A bad canary is
    rolled back by the guard beside it, and `settle` closes the question.
    """

    template_fields = (*ApprovalOperator.template_fields, "release_id")

    def __init__(self, *, release_id: str = "{{ run_id }}", **kwargs: Any) -> None:
        super().__init__(subject="Promote {{ run_id }}?", defaults=self.REJECT, **kwargs)
        self.release_id = release_id

    def execute(self, context: Any) -> Any:
        """Ask, with the evidence so far; asked twice, the question is put anew."""
        from tiffin.platform import embedded_platform

        with airflow_failures():
            platform = embedded_platform()
            release = platform.records.release(self.release_id)
            service = approval_of(platform, release)
            self.response_timeout = service.rollout.approval_timeout
            self.assigned_users = _approvers(service)
            self.body = evidence_of(platform, release)
        return super().execute(context)

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:
        """Go on, or abort the Release; a Release that has ended meanwhile stays as it ended."""
        from tiffin.platform import embedded_platform
        from tiffin.release.steps.rolling_back import ensure_aborted

        if self.REJECT in (event.get("chosen_options") or ()):
            who = (event.get("responded_by_user") or {}).get("name") or _NOBODY
            with airflow_failures():
                ensure_aborted(embedded_platform(), self.release_id, actor=who)
        return super().execute_complete(context, event)


class GuardApprovalOperator(ReleaseOperator):
    """Looks on while a person thinks; a bad canary is rolled back without waiting for them.

    Args:
        approval_task_id: the task that asks the person.
    """

    def __init__(self, *, approval_task_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.approval_task_id = approval_task_id

    def take_step(self, platform: Platform, context: Any) -> Release:
        """See `guard_approval`.

        Fenced because the person said no, it has done its work. Fenced by anything else it fails:
        that lets `settle` run, which closes the question.
        """
        from tiffin.errors import FencedError
        from tiffin.release.steps.ramping import guard_approval

        approval_of(platform, platform.records.release(self.release_id))
        try:
            guard_approval(platform, self.release_id, lambda: self._state(context) in ANSWERED)
        except FencedError as error:
            if self._state(context) == WAITING:
                raise
            skip(error.message)
        return platform.records.release(self.release_id)

    def _state(self, context: Any) -> str | None:
        return state_of_task(context, self.approval_task_id)


def approval_of(platform: Platform, release: Release) -> Service:
    """Return the Release's Service; skip the task when there is nothing to approve."""
    from tiffin.release.steps.step import service_of

    skip_if_ended(release)
    service = service_of(platform, release)
    if not service.rollout.approval:
        skip(f"{service.name} needs no approval for {release.id}")
    return service


def state_of_task(context: Any, task_id: str) -> str | None:
    """Ask Airflow how another task of the same run is doing."""
    run = context["dag_run"]
    found = context["ti"].get_task_states(
        dag_id=run.dag_id, task_ids=[task_id], run_ids=[run.run_id]
    )
    state = found.get(run.run_id, {}).get(task_id)
    return str(state) if state else None


def evidence_of(platform: Platform, release: Release) -> str:
    """Return what a person needs to decide, as Markdown."""
    lines = [f"Version **{release.version}** of `{release.model}` for **{release.service}**."]
    looks = platform.records.entries(release.id, "look")
    if looks:
        share = looks[-1].body["share"] / 100
        lines.append(f"It answers {share:g} % of the requests: {looks[-1].body['reason']}.")
    validated = platform.records.entries(release.id, "validated")
    if validated:
        lines.append(f"[Validation report]({validated[-1].body['report']})")
    return "\n\n".join(lines)


def _approvers(service: Service) -> list[dict[str, str]] | None:
    """Return the deployers, and the service account that closes a question; None: everybody."""
    from tiffin.intake.runs import SERVICE_ACCOUNT

    if "*" in service.deployers:
        return None
    return [{"id": name, "name": name} for name in (*service.deployers, SERVICE_ACCOUNT)]
