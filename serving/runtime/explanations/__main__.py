"""The process that explains: `python -m serving.runtime.explanations`.

Reads one question a line from standard input and writes one answer a line to standard output,
until the input ends. It yields the processors to whoever else wants them, and SIGALRM ends it
when an answer takes too long, wherever it is by then.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
import warnings
from functools import lru_cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import orjson

from serving.runtime.explanations.errors import NotExplainableError
from serving.runtime.identity import ModelKind
from serving.runtime.rows import Rows

if TYPE_CHECKING:
    from serving.runtime.explanations.explainer import ModelExplainer

_LOAD_S = 300
"""For importing libraries, and loading a model."""
_ANSWER_S = 30
_MODELS = 2


def main() -> None:
    """Answer until nobody asks any more."""
    # Whoever stops a server tells its children, too. The server waits for what is in flight, and
    # then ends this process by closing its input, or for sure.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.nice(10)
    warnings.simplefilter("ignore")
    answers = _answers()
    for line in sys.stdin.buffer:
        answers.write(orjson.dumps(_answer(orjson.loads(line))) + b"\n")
        answers.flush()


def _answers() -> IO[bytes]:
    """Take standard output for the answers alone; what a model prints goes elsewhere."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return answers


def _answer(question: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"explained": _explained(question)}
    except NotExplainableError as refused:
        return {"not_explainable": str(refused)}
    except Exception:  # noqa: BLE001 (a model is anybody's code: it may raise anything)
        return {"failed": traceback.format_exc()}
    finally:
        signal.alarm(0)


def _explained(question: dict[str, Any]) -> dict[str, Any]:
    signal.alarm(_LOAD_S)
    artifact = Path(question["artifact"])
    stamp = (artifact / "MLmodel").stat().st_mtime_ns
    explainer = _explainer(artifact, question["kind"], stamp)
    signal.alarm(_ANSWER_S)
    return explainer.explain(Rows(cells=question["cells"]))


@lru_cache(maxsize=_MODELS)
def _explainer(artifact: Path, kind: str, stamp: int) -> ModelExplainer:
    """Load a model; `stamp` tells a folder from the same one with another model in it."""
    from serving.runtime.explanations.explainer import ModelExplainer
    from serving.runtime.model_files import load_model

    model = load_model(artifact)
    explainer = ModelExplainer(model, ModelKind(kind))
    if model.example is not None:
        explainer.explain(model.example.part(0, 1))  # compiles what is compiled at first use
    return explainer


if __name__ == "__main__":
    main()
