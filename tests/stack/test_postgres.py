from pathlib import Path

import psycopg2
import pytest

from tiffin.home import TiffinHome
from tiffin.stack.daemon import end_supervisord, ensure_supervisord
from tiffin.stack.postgres import (
    DATABASES,
    database_url,
    ensure_cluster,
    ensure_databases,
    is_answering,
    postgres_program,
    socket_folder,
)
from tiffin.stack.processes import stack_processes
from tiffin.stack.supervisor import Supervisor


def test_a_long_home_gets_a_short_socket_folder(tmp_path: Path):
    home = TiffinHome(tmp_path / ("deep-" * 30))
    assert len(str(socket_folder(home))) < 60
    assert str(socket_folder(home)) in database_url(home, "tiffin")


@pytest.mark.timeout(120)
def test_the_data_survives_a_kill_of_everything(tmp_path: Path):
    home = TiffinHome(tmp_path)
    (tmp_path / "postgres" / "data.draft").mkdir(parents=True)  # an initdb that was killed
    try:
        _start(home)
        with psycopg2.connect(database_url(home, "tiffin").replace("+psycopg2", "")) as connection:
            connection.cursor().execute("CREATE TABLE kept AS SELECT 42 AS answer")
        connection.close()
        for process in stack_processes(home.path):
            process.kill()
        _start(home)
        connection = psycopg2.connect(database_url(home, "tiffin").replace("+psycopg2", ""))
        cursor = connection.cursor()
        cursor.execute("SELECT answer FROM kept")
        assert cursor.fetchall() == [(42,)]
        connection.close()
    finally:
        end_supervisord(home)
    assert not is_answering(home)


def _start(home: TiffinHome) -> None:
    ensure_supervisord(home)
    ensure_cluster(home)
    Supervisor(home).ensure_program(postgres_program(home))
    ensure_databases(home)
    ensure_databases(home)
    assert set(DATABASES) == {"airflow", "mlflow", "tiffin"}
