"""The server's side of the process that explains: a short queue, one question at a time.

SHAP is Python and numba; in a thread of the server it would take the interpreter from the
predictions. A thread of ours only waits for the process, which starts at the first question and
ends when nobody has asked for long.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from time import monotonic
from typing import Any

import orjson

from serving.runtime.errors import OverloadedError
from serving.runtime.explanations.errors import (
    ExplanationFailedError,
    ExplanationTimeoutError,
    NotExplainableError,
)
from serving.runtime.identity import ModelKind
from serving.runtime.rows import Rows

MOST_WAITING = 4
"""Questions at once, with the one that is being answered."""
_IDLE_S = 900.0
_SOURCE = Path(__file__).resolve().parents[3]


class Explanations:
    """Belongs to one event loop; costs nothing until somebody asks."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "explanations")
        self._asked: list[Future[bytes]] = []
        self._process: _Process | None = None
        self._last_s = 5.0
        self._ending: asyncio.TimerHandle | None = None

    async def explain(self, artifact: Path, kind: ModelKind, rows: Rows) -> dict[str, Any]:
        """Return the fields of the answer to rows of the model below `artifact`.

        Raises OverloadedError when too many are waiting, and the errors of this package. Who is
        cancelled while waiting is forgotten; whose turn it is already is answered to nobody.
        """
        _refuse_without_shap()
        self._asked = [asked for asked in self._asked if not asked.done()]
        if len(self._asked) >= MOST_WAITING:
            raise OverloadedError(self._last_s * len(self._asked))
        question = {"artifact": str(artifact.resolve()), "kind": kind.value, "cells": rows.cells}
        asked = self._thread.submit(self._answer, orjson.dumps(question) + b"\n")
        self._asked.append(asked)
        self._end_later()
        return _read(await asyncio.wrap_future(asked))

    def close(self) -> None:
        """End the process at once; may be called twice, and another question starts a new one."""
        if self._ending is not None:
            self._ending.cancel()
        if self._process is not None:
            self._process.end()

    def _answer(self, question: bytes) -> bytes:
        """In the thread: one question after the other."""
        started = monotonic()
        if self._process is None or self._process.has_ended:
            self._process = _Process()
        answer = self._process.ask(question)
        self._last_s = monotonic() - started
        return answer

    def _end_later(self) -> None:
        """End the process once nobody has asked for long and nobody waits."""
        if self._ending is not None:
            self._ending.cancel()
        self._ending = asyncio.get_running_loop().call_later(_IDLE_S, self._end_if_idle)

    def _end_if_idle(self) -> None:
        if all(asked.done() for asked in self._asked):
            self.close()
        else:
            self._end_later()


class _Process:
    """`python -m serving.runtime.explanations`, out of reach of a Ctrl-C meant for the server."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "serving.runtime.explanations"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=_SOURCE,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            process_group=0,  # not a session of its own, in which its priority counts for little
        )

    @property
    def id(self) -> int:
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def ask(self, question: bytes) -> bytes:
        """Wait for the answer; the process itself sees to it that it comes, or ends."""
        asked, answered = self._process.stdin, self._process.stdout
        assert asked is not None
        assert answered is not None
        with suppress(BrokenPipeError):  # then there is no answer either
            asked.write(question)
            asked.flush()
        answer = answered.readline()
        if not answer.endswith(b"\n"):
            status = self._process.wait()
            self.end()
            raise _ended(status)
        return answer

    def end(self) -> None:
        """Kill it and give back what it holds; may be called twice."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()


def _refuse_without_shap() -> None:
    if find_spec("shap") is None:
        raise NotExplainableError("shap isn't installed here; install it to explain predictions")


def _ended(status: int) -> RuntimeError:
    if status == -signal.SIGALRM:
        return ExplanationTimeoutError("the explanation took too long; ask for fewer rows")
    return ExplanationFailedError(f"the process that explains ended with status {status}")


def _read(answer: bytes) -> dict[str, Any]:
    fields: dict[str, Any] = orjson.loads(answer)
    if "not_explainable" in fields:
        raise NotExplainableError(fields["not_explainable"])
    if "failed" in fields:
        raise ExplanationFailedError(fields["failed"])
    explained: dict[str, Any] = fields["explained"]
    return explained
