"""The trigger forms: each DAG's params, with the schema that Airflow checks and draws a form from.

Read at every parse of a DAG file, so the services' names are taken from the names of their files.
"""

from __future__ import annotations

from pathlib import Path

from airflow.sdk import Param

_SERVICES = Path(__file__).resolve().parents[2] / "include" / "services"


def service_names(folder: Path = _SERVICES) -> list[str]:
    """Return the names of the service files, which are the services' names."""
    return sorted(file.stem for file in folder.glob("*.yaml"))


def deploy_form() -> dict[str, Param]:
    """Return the params of `deploy_model`."""
    return {
        "service": _service("The service that gets the version."),
        "version": Param(
            None,
            type=["null", "string"],
            pattern=r"^[0-9]+$",
            title="Version",
            description="A version of the service's model in MLflow; empty: give an alias.",
        ),
        "alias": Param(
            None,
            type=["null", "string"],
            title="Alias",
            description="An alias in MLflow, such as `challenger`, instead of a version.",
        ),
        "strategy": Param(
            None,
            type=["null", "string"],
            enum=[None, "adaptive", "steps", "direct"],
            values_display={"null": "as the service file says"},
            title="Strategy",
            description="How its share grows; empty: as the service file says.",
        ),
        "weights": Param(
            None,
            type=["null", "array"],
            items={"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 100},
            title="Weights",
            description="The shares of the `steps` strategy, growing: [5, 25, 50] is percent.",
        ),
        "approval": Param(
            None,
            type=["null", "boolean"],
            title="Approval",
            description="Whether a person approves before promotion; unset: as the file says.",
        ),
        "dry_run": Param(
            False,
            type="boolean",
            title="Dry run",
            description="Validate and package only; start nothing.",
        ),
        "on_conflict": Param(
            "wait",
            type="string",
            enum=["wait", "refuse"],
            title="When another deploy is in progress",
            description="Wait for it to end, or be refused.",
        ),
    }


def rollback_form() -> dict[str, Param]:
    """Return the params of `rollback_model`."""
    return {
        "service": _service("The service whose traffic goes back."),
        "revision": Param(
            None,
            type=["null", "string"],
            title="Bad revision",
            description="The one found bad, such as v7-1a2b3c4d; empty: the newest with traffic.",
        ),
        "reason": Param(
            "asked for by hand",
            type="string",
            minLength=1,
            title="Reason",
            description="Why; it is written to the ledger and to the bad version's tag.",
        ),
    }


def _service(description: str) -> Param:
    names = service_names()
    schema = {"enum": names} if names else {}
    return Param(type="string", title="Service", description=description, **schema)
