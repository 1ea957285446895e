"""Reads the registry and does what a lost webhook, task or run left undone."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperator

from tiffin_airflow.failing import airflow_failures


class ReconcileRegistryOperator(BaseOperator):  # type: ignore[misc]
    """Reconciles every Service in turn; one that is refused does not keep the others from it."""

    def execute(self, context: Any) -> None:
        """See `tiffin.intake.reconcile`."""
        from tiffin.errors import RefusedError
        from tiffin.home import TiffinHome
        from tiffin.intake.airflow_api import AirflowApi
        from tiffin.intake.handled_alerts import HandledAlerts
        from tiffin.intake.reconcile import reconcile
        from tiffin.platform import embedded_platform

        home = TiffinHome.from_environment()
        with airflow_failures():
            platform, runs = embedded_platform(home), AirflowApi(home)
            for service in platform.catalog:
                try:
                    for sentence in reconcile(platform, runs, service):
                        self.log.info(sentence)
                except RefusedError as error:
                    self.log.warning("%s: %s", service.name, error)
            HandledAlerts(home.folder("alerts")).forget_old()
