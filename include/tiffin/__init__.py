"""Tiffin: delivers machine-learning model versions from the registry to live traffic, and back.

The library knows nothing of Airflow: `tiffin_airflow` calls it from tasks and webhooks, the
`tiffin` command calls it from a shell. Each folder is a stage of the way of a Release.
"""

__version__ = "0.1.0"
