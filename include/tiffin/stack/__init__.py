"""The embedded stack: PostgreSQL, Airflow, MLflow and Envoy under one supervisor."""
