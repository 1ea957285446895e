from dataclasses import fields, replace
from pathlib import Path

from cryptography.fernet import Fernet

from tiffin.home import DEFAULT_PORTS, TiffinHome
from tiffin.stack.environment import (
    USERS,
    StackSettings,
    airflow_environment,
    mlflow_environment,
    settings_of,
)

SETTINGS = StackSettings(
    home=Path("/home/ada/.tiffin"),
    project=Path("/src/tiffin"),
    airflow_port=8080,
    airflow_url="http://127.0.0.1:8080",
    mlflow_url="http://127.0.0.1:5000",
    airflow_database="postgresql+psycopg2://postgres@/airflow?host=/run",
    mlflow_database="postgresql+psycopg2://postgres@/mlflow?host=/run",
    passwords_file=Path("/home/ada/.tiffin/secrets/airflow-passwords.json"),
    airflow_fernet_key="key",
    airflow_jwt_secret="jwt",
    airflow_session_key="session",
    mlflow_webhook_key="webhook",
)


def test_airflow_never_runs_in_the_mode_where_everybody_is_admin():
    environment = airflow_environment(SETTINGS)
    assert environment["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS"] == "False"
    assert (
        environment["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"] == "admin:admin,svc:op,view:viewer"
    )


def test_airflow_listens_on_loopback_and_its_tasks_call_it_there():
    environment = airflow_environment(SETTINGS)
    assert environment["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert environment["AIRFLOW__API__PORT"] == "8080"
    assert (
        environment["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:8080/execution/"
    )


def test_airflow_loads_the_projects_dags_and_plugins():
    environment = airflow_environment(SETTINGS)
    assert environment["AIRFLOW__CORE__DAGS_FOLDER"] == "/src/tiffin/dags"
    assert environment["AIRFLOW__CORE__PLUGINS_FOLDER"] == "/src/tiffin/plugins"


def test_a_task_outlives_an_api_server_that_is_away_for_longer_than_it_takes_to_restart():
    environment = airflow_environment(SETTINGS)
    beats = int(environment["AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS"])
    assert beats * int(environment["AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL"]) >= 60


def test_mlflow_may_deliver_webhooks_to_this_machine_and_keeps_its_key():
    environment = mlflow_environment(SETTINGS)
    assert environment["MLFLOW_WEBHOOK_ALLOWED_SCHEMES"] == "http,https"
    assert environment["MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS"] == "true"
    assert environment["MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY"] == "webhook"


def test_every_setting_is_used():
    used = {**airflow_environment(SETTINGS), **mlflow_environment(SETTINGS)}.values()
    elsewhere = {"mlflow_database", "project"}  # on the command line, and within folders
    for field in fields(SETTINGS):
        value = str(getattr(SETTINGS, field.name))
        assert field.name in elsewhere or value in used, field.name


def test_a_home_has_good_keys_and_the_same_ones_the_next_time(tmp_path: Path):
    home = TiffinHome(tmp_path)
    home.__dict__["settings"] = {"offset": 0, **DEFAULT_PORTS}
    settings = settings_of(home)
    Fernet(settings.airflow_fernet_key)
    Fernet(settings.mlflow_webhook_key)
    assert len(settings.airflow_jwt_secret) >= 64
    assert settings_of(home) == settings
    assert replace(settings, airflow_port=1) != settings


def test_the_service_account_may_trigger_and_answer_but_is_no_admin():
    assert USERS["svc"] == "op"
