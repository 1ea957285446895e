"""The environment of each component, made from the home's settings; pure but for its secrets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tiffin.home import PROJECT, TiffinHome
from tiffin.stack.postgres import database_url

USERS = {"admin": "admin", "svc": "op", "view": "viewer"}
"""Airflow's users and their roles; `svc` is who Tiffin's own commands log in as."""


@dataclass(frozen=True)
class StackSettings:
    """Everything the components' environments are made from."""

    home: Path
    project: Path
    airflow_port: int
    airflow_url: str
    mlflow_url: str
    airflow_database: str
    mlflow_database: str
    passwords_file: Path
    airflow_fernet_key: str
    airflow_jwt_secret: str
    airflow_session_key: str
    mlflow_webhook_key: str


def settings_of(home: TiffinHome) -> StackSettings:
    """Read a home's settings; secrets that don't exist yet are made."""
    return StackSettings(
        home=home.path,
        project=PROJECT,
        airflow_port=home.port("airflow"),
        airflow_url=home.url("airflow"),
        mlflow_url=home.url("mlflow"),
        airflow_database=database_url(home, "airflow"),
        mlflow_database=database_url(home, "mlflow"),
        passwords_file=home.folder("secrets") / "airflow-passwords.json",
        airflow_fernet_key=_fernet_key(home.secret("airflow-fernet")),
        airflow_jwt_secret=home.secret("airflow-jwt-1") + home.secret("airflow-jwt-2"),
        airflow_session_key=home.secret("airflow-session"),
        mlflow_webhook_key=_fernet_key(home.secret("mlflow-fernet")),
    )


def airflow_environment(settings: StackSettings) -> dict[str, str]:
    """Return the environment that all four Airflow components share."""
    return {
        **client_environment(settings),
        "AIRFLOW_HOME": str(settings.home / "airflow"),
        **{f"AIRFLOW__{key}": value for key, value in _airflow_options(settings).items()},
    }


def _airflow_options(settings: StackSettings) -> dict[str, str]:
    return {
        "CORE__DAGS_FOLDER": str(settings.project / "dags"),
        "CORE__PLUGINS_FOLDER": str(settings.project / "plugins"),
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": "8",
        "CORE__FERNET_KEY": settings.airflow_fernet_key,
        "CORE__EXECUTION_API_SERVER_URL": f"{settings.airflow_url}/execution/",
        "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
        "CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{user}:{USERS[user]}" for user in USERS),
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(settings.passwords_file),
        "DATABASE__SQL_ALCHEMY_CONN": settings.airflow_database,
        "API__HOST": "127.0.0.1",
        "API__PORT": str(settings.airflow_port),
        "API__BASE_URL": settings.airflow_url,
        "API__SECRET_KEY": settings.airflow_session_key,
        "API_AUTH__JWT_SECRET": settings.airflow_jwt_secret,
        "LOGGING__COLORED_CONSOLE_LOG": "False",
        "DAG_PROCESSOR__REFRESH_INTERVAL": "5",
        **_how_soon_a_death_is_noticed(),
    }


def _how_soon_a_death_is_noticed() -> dict[str, str]:
    """A killed worker is noticed after 25 to 30 s, a killed scheduler's tasks after 20 to 25 s.

    A task outlives an API server that is away for a minute; sooner, and a slow restart of the API
    server would end every running task.
    """
    return {
        "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.1",
        "SCHEDULER__JOB_HEARTBEAT_SEC": "3",
        "SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "3",
        "SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "20",
        "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "25",
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
        "SCHEDULER__TRIGGER_TIMEOUT_CHECK_INTERVAL": "5",
        "TRIGGERER__JOB_HEARTBEAT_SEC": "3",
        "TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "20",
        "WORKERS__MIN_HEARTBEAT_INTERVAL": "3",
        "WORKERS__MAX_FAILED_HEARTBEATS": "20",
    }


def mlflow_environment(settings: StackSettings) -> dict[str, str]:
    """Return the environment of the MLflow server: webhooks may call this machine."""
    return {
        **client_environment(settings),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https",
        "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
        "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": settings.mlflow_webhook_key,
        "MLFLOW_WEBHOOK_CACHE_TTL": "2",
    }


def client_environment(settings: StackSettings) -> dict[str, str]:
    """Return what every component gets: where MLflow is, and no telemetry from anyone."""
    return {
        "TIFFIN_HOME": str(settings.home),
        "MLFLOW_TRACKING_URI": settings.mlflow_url,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "BENTOML_DO_NOT_TRACK": "True",
        "GX_ANALYTICS_ENABLED": "False",
        "NO_PROXY": "127.0.0.1,localhost",
    }


def _fernet_key(secret: str) -> str:
    """A Fernet key is 32 bytes in padded base64; our secrets are that without the padding."""
    return f"{secret}="
