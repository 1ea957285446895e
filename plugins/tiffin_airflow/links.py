"""Links from a task to what it left behind."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperatorLink


class ValidationReportLink(BaseOperatorLink):  # type: ignore[misc]
    """From `validate` to the report in MLflow that says what was checked."""

    name = "Validation report"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Return the report's URL from the ledger; none, and none is shown, before it is there."""
        from tiffin.platform import embedded_platform

        entries = embedded_platform().records.entries(ti_key.run_id, "validated")
        return str(entries[-1].body["report"]) if entries else ""
