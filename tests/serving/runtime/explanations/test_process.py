from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop

from serving.runtime.errors import OverloadedError
from serving.runtime.explanations.errors import (
    ExplanationFailedError,
    ExplanationTimeoutError,
    NotExplainableError,
)
from serving.runtime.explanations.process import MOST_WAITING, Explanations
from serving.runtime.identity import ModelKind
from serving.runtime.rows import Rows
from tests.serving.runtime.explanations.slow_models import (
    FAILS_AT,
    HANGS_AT,
    troublesome_artifact,
)

PATIENCE_S = 120


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return troublesome_artifact(tmp_path_factory.mktemp("model"))


def run(scenario: Callable[[Explanations], Awaitable[None]]) -> None:
    async def around() -> None:
        explanations = Explanations()
        try:
            await scenario(explanations)
        finally:
            explanations.close()

    uvloop.run(around())


async def ask(explanations: Explanations, artifact: Path, a: float = 1.0) -> dict[str, Any]:
    rows = Rows(cells=[[a, 2.0]])
    return await explanations.explain(artifact, ModelKind.REGRESSION, rows)


async def process_of(explanations: Explanations) -> int:
    """Return the process's id once it runs."""
    async with asyncio.timeout(PATIENCE_S):
        while explanations._process is None:
            await asyncio.sleep(0.01)
    return explanations._process.id


def test_one_process_of_low_priority_answers_one_question_after_the_other(artifact: Path) -> None:
    async def scenario(explanations: Explanations) -> None:
        answers = await asyncio.gather(*(ask(explanations, artifact, a) for a in (1.0, 7.0)))
        assert [answer["predictions"] for answer in answers] == [
            [pytest.approx(3.0)],
            [pytest.approx(9.0)],
        ]
        process = await process_of(explanations)
        assert os.getpriority(os.PRIO_PROCESS, process) == 10
        await ask(explanations, artifact)
        assert await process_of(explanations) == process

    run(scenario)


def test_more_questions_than_may_wait_are_told_when_to_come_back(artifact: Path) -> None:
    async def scenario(explanations: Explanations) -> None:
        asked = [ask(explanations, artifact) for _ in range(MOST_WAITING + 2)]
        ends = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(end) for end in ends] == [dict] * MOST_WAITING + [OverloadedError] * 2
        assert ends[-1].retry_after_s > 0  # type: ignore[union-attr]
        await ask(explanations, artifact)

    run(scenario)


def test_one_that_takes_too_long_is_ended_and_the_next_has_a_new_process(artifact: Path) -> None:
    async def scenario(explanations: Explanations) -> None:
        await ask(explanations, artifact)
        process = await process_of(explanations)
        hanging = asyncio.create_task(ask(explanations, artifact, HANGS_AT))
        after = asyncio.create_task(ask(explanations, artifact))
        await asyncio.sleep(0)
        os.kill(process, signal.SIGALRM)  # as its own alarm does
        with pytest.raises(ExplanationTimeoutError, match="fewer rows"):
            await hanging
        assert (await after)["predictions"] == [pytest.approx(3.0)]
        assert await process_of(explanations) != process

    run(scenario)


def test_a_model_that_fails_on_the_rows_says_so_and_answers_on(artifact: Path) -> None:
    async def scenario(explanations: Explanations) -> None:
        with pytest.raises(ExplanationFailedError, match="KeyError: 'a bad row'"):
            await ask(explanations, artifact, FAILS_AT)
        assert (await ask(explanations, artifact))["predictions"] == [pytest.approx(3.0)]

    run(scenario)


def test_who_leaves_does_not_mix_up_the_answers_of_the_others(artifact: Path) -> None:
    async def scenario(explanations: Explanations) -> None:
        leaving = asyncio.create_task(ask(explanations, artifact, 7.0))
        await process_of(explanations)
        leaving.cancel()
        assert (await ask(explanations, artifact))["predictions"] == [pytest.approx(3.0)]

    run(scenario)


def test_a_stop_that_is_meant_for_the_server_takes_no_answer_away(artifact: Path) -> None:
    async def scenario(explanations: Explanations) -> None:
        await ask(explanations, artifact)
        process = await process_of(explanations)
        os.kill(process, signal.SIGTERM)
        assert (await ask(explanations, artifact))["predictions"] == [pytest.approx(3.0)]
        assert await process_of(explanations) == process

    run(scenario)


def test_a_process_that_dies_is_an_error_that_names_its_status(artifact: Path) -> None:
    async def scenario(explanations: Explanations) -> None:
        hanging = asyncio.create_task(ask(explanations, artifact, HANGS_AT))
        os.kill(await process_of(explanations), signal.SIGKILL)
        with pytest.raises(ExplanationFailedError, match="status -9"):
            await hanging

    run(scenario)


def test_the_process_ends_with_its_server(artifact: Path) -> None:
    async def scenario(explanations: Explanations) -> None:
        await ask(explanations, artifact)
        process = await process_of(explanations)
        explanations.close()
        explanations.close()
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)
        assert (await ask(explanations, artifact))["method"] == "linear"

    run(scenario)


def test_without_shap_nothing_is_explained(artifact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(explanations: Explanations) -> None:
        with pytest.raises(NotExplainableError, match="shap isn't installed"):
            await ask(explanations, artifact)

    monkeypatch.setitem(sys.modules, "shap", None)
    run(scenario)


def test_a_process_that_nobody_asks_ends_after_a_while(
    artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(explanations: Explanations) -> None:
        asking = asyncio.create_task(ask(explanations, artifact))
        process = await process_of(explanations)
        await asking  # it was not ended while somebody waited for it
        async with asyncio.timeout(PATIENCE_S):
            while Path(f"/proc/{process}").exists():
                await asyncio.sleep(0.01)
        assert (await ask(explanations, artifact))["method"] == "linear"

    monkeypatch.setattr("serving.runtime.explanations.process._IDLE_S", 0.01)
    run(scenario)
