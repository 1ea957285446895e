"""`tiffin validate`."""

import typer
from typer.testing import CliRunner

from tiffin.cli import service_commands

GOOD = """\
name: iris
model: iris
kind: classification
port: 9100
smoke: [{name: one flower, body: {}}]
validation: {target: species}
"""


def validated(*files):
    app = typer.Typer()
    app.callback()(lambda: None)
    service_commands.register(app)
    return CliRunner().invoke(app, ["validate", *map(str, files)])


def test_says_ok_for_a_sound_file(tmp_path):
    file = tmp_path / "iris.yaml"
    file.write_text(GOOD)
    result = validated(file)
    assert (result.exit_code, result.stdout) == (0, f"{file}: ok\n")


def test_names_file_line_and_key_and_still_checks_the_other_files(tmp_path):
    good, bad = tmp_path / "iris.yaml", tmp_path / "typo.yaml"
    good.write_text(GOOD)
    bad.write_text(GOOD.replace("port:", "prot:"))
    result = validated(bad, good)
    assert result.exit_code == 1
    assert result.stdout == f"{good}: ok\n"
    assert f"{bad}:4: prot: there is no such key; did you mean `port`?" in result.stderr


def test_two_files_with_one_port_are_not_ok(tmp_path):
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text(GOOD)
    second.write_text(GOOD.replace("name: iris", "name: tulip", 1))
    result = validated(first, second)
    assert result.exit_code == 1
    assert f"{second}:4: port: 9100 is already taken by {first}" in result.stderr


def test_a_port_of_a_live_service_is_not_ok(tmp_path):
    file = tmp_path / "iris.yaml"
    file.write_text(GOOD.replace("9100", "3001"))
    result = validated(file)
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"{file}:4: port: 3001 is already taken by" in result.stderr
    assert "credit-risk.yaml" in result.stderr


def test_a_file_may_replace_the_live_service_of_its_name(tmp_path):
    file = tmp_path / "credit.yaml"
    file.write_text(GOOD.replace("name: iris", "name: credit-risk", 1).replace("9100", "3001"))
    assert validated(file).exit_code == 0


def test_a_port_of_the_stack_is_not_ok(tmp_path, monkeypatch):
    monkeypatch.setenv("TIFFIN_HOME", str(tmp_path))
    file = tmp_path / "iris.yaml"
    file.write_text(GOOD.replace("9100", "5000"))
    result = validated(file)
    assert f"{file}:4: port: 5000 is the stack's own port for mlflow" in result.stderr


def test_a_suite_that_nobody_has_written_is_not_ok(tmp_path):
    file = tmp_path / "iris.yaml"
    file.write_text(GOOD.replace("species}", "species, suite: iris}"))
    result = validated(file)
    assert (
        f"{file}:6: validation.suite: there is no include/expectations/iris.json" in result.stderr
    )
