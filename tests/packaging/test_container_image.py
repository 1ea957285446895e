"""The engine is a script that stands for one: what BentoML asks of it is what is tested."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.serving.served_models import ServedModels
from tiffin.errors import RefusedError, UnavailableError
from tiffin.packaging.container_image import build_image, find_engine

pytestmark = pytest.mark.timeout(300)
_REFUSES_TO_BUILD = 'case "$1" in build) echo "no space left" >&2; exit 7;; esac'


@pytest.fixture
def engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs, the only ones there are."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def install(folder: Path, engine: str, script: str) -> None:
    program = folder / engine
    program.write_text(f'#!/bin/sh\necho "{engine} $@" >> {folder}/asked\n{script}\n')
    program.chmod(0o755)


def test_without_an_engine_a_person_is_told_what_to_install(engines: Path) -> None:
    with pytest.raises(UnavailableError, match="no container engine here; install and start one"):
        find_engine()


def test_an_engine_whose_daemon_is_down_is_passed_over(engines: Path) -> None:
    install(engines, "docker", "exit 1")
    with pytest.raises(UnavailableError, match="docker does not answer: is its daemon running"):
        find_engine()
    install(engines, "podman", "exit 0")
    assert find_engine() == "podman"


def test_the_engine_is_asked_to_build_the_bento(engines: Path, served: ServedModels) -> None:
    install(engines, "podman", "exit 0")
    bento, said = served.bento("credit-risk:v1"), list[str]()
    build_image(served.folder / "bentoml", bento.tag, "credit:mine", "podman", said.append)
    asked = (engines / "asked").read_text()
    assert "podman build" in asked
    assert "credit:mine" in asked


def test_the_engine_s_last_words_are_passed_on(engines: Path, served: ServedModels) -> None:
    install(engines, "podman", _REFUSES_TO_BUILD)
    bento = served.bento("credit-risk:v1")
    with pytest.raises(RefusedError, match="podman could not build credit:mine") as refused:
        build_image(served.folder / "bentoml", bento.tag, "credit:mine", "podman", lambda _: None)
    assert refused.value.code == "image-build-failed"
