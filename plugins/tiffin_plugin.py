"""Registers Tiffin with Airflow, nothing else. What it registers is in `tiffin_airflow`."""

from airflow.plugins_manager import AirflowPlugin

from tiffin_airflow.links import ValidationReportLink
from tiffin_airflow.webhooks.lazy_app import LazyApp


class TiffinPlugin(AirflowPlugin):
    """The webhooks and pages below /tiffin, and the link to a validation report."""

    name = "tiffin"
    fastapi_apps = [{"app": LazyApp(), "url_prefix": "/tiffin", "name": "Tiffin"}]  # noqa: RUF012
    operator_extra_links = [ValidationReportLink()]  # noqa: RUF012
