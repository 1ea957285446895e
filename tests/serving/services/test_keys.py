from __future__ import annotations

import os
from pathlib import Path

import pytest

from serving.runtime.settings import BadSettingError
from serving.services.keys import KeyRing, Scope, find_key, key_line, main, read_keys
from serving.services.turned_away import TurnedAwayError
from tests.serving.services.small_site import digest, keys_file


def bearer(key: str) -> dict[bytes, bytes]:
    return {b"authorization": f"Bearer {key}".encode()}


def refusal(ring: KeyRing, headers: dict[bytes, bytes], scope: Scope) -> TurnedAwayError:
    with pytest.raises(TurnedAwayError) as refused:
        ring.check(headers, scope)
    return refused.value


def test_without_a_file_everybody_may_ask() -> None:
    KeyRing(None).check({}, Scope.PREDICT)


def test_each_of_several_keys_opens_what_it_is_for(tmp_path: Path) -> None:
    ring = KeyRing(keys_file(tmp_path, app="predict", ops="predict,admin"))
    ring.check(bearer("app"), Scope.PREDICT)
    ring.check(bearer("ops"), Scope.ADMIN)
    ring.check({b"x-api-key": b"ops"}, Scope.ADMIN)
    assert refusal(ring, bearer("app"), Scope.ADMIN).status == 403


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {b"authorization": b""},
        {b"authorization": b"Basic app"},
        {b"authorization": b"Bearer "},
        {b"authorization": b"Bearer App"},
        {b"x-api-key": b""},
        {b"x-api-key": digest("app").encode()},
        {b"x-api-key": b"\xff\x00"},
    ],
)
def test_what_is_no_known_key_is_refused_with_a_challenge(
    tmp_path: Path, headers: dict[bytes, bytes]
) -> None:
    refused = refusal(KeyRing(keys_file(tmp_path, app="predict")), headers, Scope.PREDICT)
    assert refused.status == 401
    assert ("www-authenticate", "Bearer") in refused.headers


def test_a_refusal_does_not_repeat_the_key(tmp_path: Path) -> None:
    ring = KeyRing(keys_file(tmp_path, app="predict"))
    assert "wrong-secret" not in refusal(ring, bearer("wrong-secret"), Scope.PREDICT).sentence


def test_a_changed_file_counts_without_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.services.keys._LOOK_EVERY_S", 0.0)
    ring = KeyRing(keys_file(tmp_path, old="predict"))
    ring.check(bearer("old"), Scope.PREDICT)
    keys_file(tmp_path, newer="predict")
    ring.check(bearer("newer"), Scope.PREDICT)
    assert refusal(ring, bearer("old"), Scope.PREDICT).status == 401


@pytest.mark.parametrize("broken", ["app:predict", None])
def test_a_file_that_breaks_leaves_the_keys_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str | None
) -> None:
    monkeypatch.setattr("serving.services.keys._LOOK_EVERY_S", 0.0)
    file = keys_file(tmp_path, app="predict")
    ring = KeyRing(file)
    file.unlink()
    if broken is not None:
        file.write_text(broken)
    ring.check(bearer("app"), Scope.PREDICT)


@pytest.mark.parametrize(
    "line",
    ["app", "app:predict", "app:predict:xyz", "app:fly:" + "0" * 64, "app:predict:00", "a:b:c:d"],
)
def test_a_bad_line_is_named_with_its_file_and_number(tmp_path: Path, line: str) -> None:
    file = tmp_path / "keys"
    file.write_text(f"# keys\n\n{line}\n")
    with pytest.raises(BadSettingError, match=f"{file}:3"):
        read_keys(file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSettingError, match="nowhere"):
        KeyRing(tmp_path / "nowhere")


def test_a_new_key_opens_with_the_line_that_was_printed_for_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ci", "--scope", "predict", "--scope", "admin"]) == 0
    key, line = (text.rpartition(": ")[2] for text in capsys.readouterr().out.splitlines())
    file = tmp_path / "keys"
    file.write_text(line + os.linesep)
    found = find_key(read_keys(file), key.encode())
    assert found is not None
    assert (found.name, found.scopes) == ("ci", {Scope.PREDICT, Scope.ADMIN})
    assert key not in key_line("ci", "predict", key)
