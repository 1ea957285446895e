"""The ways in: registry webhooks, alerts, the Airflow API, and what the registry wishes for."""
