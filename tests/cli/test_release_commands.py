from __future__ import annotations

import json
import socket
import sqlite3
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tiffin.cli import release_commands
from tiffin.cli.release_commands import parse_weights
from tiffin.errors import RefusedError
from tiffin.platform import Platform
from tiffin.registry.model_version import BAD_TAG
from tiffin.release.phases import Phase
from tiffin.release.release import Order

app = typer.Typer()
release_commands.register(app)


def run(*words: str) -> str:
    result = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("order", [Order.PROMOTE, Order.PAUSE, Order.RESUME])
def test_an_order_stands_for_the_release_in_progress(as_installed: Platform, order: Order) -> None:
    told = json.loads(run(order.value, "iris", "--json"))
    assert told == {"release": "iris-v2-1", "order": order.value}
    assert as_installed.records.standing_order("iris-v2-1") is order


def test_an_order_is_refused_when_nothing_is_in_progress(as_installed: Platform) -> None:
    with pytest.raises(RefusedError) as refused:
        run("promote", "roses")
    assert refused.value.code == "nothing-in-progress"


def test_an_order_is_refused_after_the_promotion(as_installed: Platform) -> None:
    as_installed.records.move("iris-v2-1", Phase.PROMOTING)
    with pytest.raises(RefusedError) as refused:
        run("pause", "iris")
    assert refused.value.code == "nothing-in-progress"


def test_abort_gives_all_traffic_to_stable_and_blames_nobody(as_installed: Platform) -> None:
    told = json.loads(run("abort", "iris", "--json"))
    assert (told["phase"], told["candidate"]) == ("Aborted", "v2-bb")
    route = as_installed.router.read("iris")
    assert route is not None
    assert route.split.weight("v1-aa") == 10_000
    assert as_installed.registry.version("iris", "2").bad_reason is None


def test_rollback_moves_the_traffic_and_finishes_by_itself_while_airflow_is_down(
    as_installed: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIFFIN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TIFFIN_PORT_AIRFLOW", str(free_port()))
    told = json.loads(run("rollback", "iris", "--reason", "too many errors", "--json"))
    assert (told["phase"], told["candidate"]) == ("RolledBack", "v2-bb")
    route = as_installed.router.read("iris")
    assert route is not None
    assert route.split.weight("v1-aa") == 10_000
    assert "too many errors" in str(as_installed.registry.version("iris", "2").bad_reason)
    assert as_installed.records.release("iris-v2-1").phase is Phase.ROLLED_BACK


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_lift_takes_the_bad_tag_away_and_says_why_it_was_there(as_installed: Platform) -> None:
    as_installed.registry.set_tag("iris", "2", BAD_TAG, "it erred")
    assert json.loads(run("lift", "iris", "2", "--json"))["was_bad"] == "it erred"
    assert as_installed.registry.version("iris", "2").bad_reason is None


def test_lift_refuses_a_version_that_there_is_not(as_installed: Platform) -> None:
    with pytest.raises(RefusedError) as refused:
        run("lift", "iris", "9")
    assert refused.value.code == "unknown-version"


def test_history_lists_only_the_services_releases(as_installed: Platform) -> None:
    assert [row["id"] for row in json.loads(run("history", "iris", "--json"))] == ["iris-v2-1"]
    assert json.loads(run("history", "roses", "--json")) == []


def test_history_of_a_service_that_there_is_not_is_refused(as_installed: Platform) -> None:
    with pytest.raises(RefusedError) as refused:
        run("history", "nosuch")
    assert refused.value.code == "unknown-service"


@pytest.mark.parametrize(("options", "code"), [
    ([], "bad-request"),
    (["--version", "9"], "unknown-version"),
])  # fmt: skip
def test_a_deploy_of_no_version_lists_those_that_there_are(
    as_installed: Platform, options: list[str], code: str
) -> None:
    with pytest.raises(RefusedError, match="there are 2, 1") as refused:
        run("deploy", "iris", *options)
    assert refused.value.code == code


def test_the_end_of_a_release_is_one_line_in_a_pipe(as_installed: Platform) -> None:
    reason = "[see] http://127.0.0.1:5000/" + 100 * "x"
    as_installed.records.move("iris-v2-1", Phase.FAILED, reason=reason)
    assert reason in run("history", "iris")


def test_history_tells_a_release_and_says_that_its_ledger_is_intact(
    as_installed: Platform,
) -> None:
    assert "ada asked for version 2 of iris" in (text := run("history", "iris", "iris-v2-1"))
    assert "ledger intact: 1 entries" in text


def test_history_finds_an_edited_ledger(as_installed: Platform) -> None:
    file = as_installed.records._engine.url.database
    with sqlite3.connect(str(file)) as database:
        database.execute("UPDATE ledger SET body = replace(body, 'ada', 'bob')")
    database.close()
    result = CliRunner().invoke(app, ["history", "iris", "iris-v2-1", "--json"])
    assert result.exit_code == 2
    assert json.loads(result.stdout)["ledger"]["first_broken"] == 1


def test_history_refuses_an_unknown_release(as_installed: Platform) -> None:
    with pytest.raises(RefusedError) as refused:
        run("history", "iris", "iris-v9-1")
    assert refused.value.code == "unknown-release"


def test_weights_are_percentages() -> None:
    assert parse_weights("5, 25%,50") == (0.05, 0.25, 0.5)
    with pytest.raises(RefusedError):
        parse_weights("five")
