"""One loaded model behind HTTP's words: a body in, a status and an answer out.

It knows nothing of a web framework; `serving.services` puts it behind BentoML's server.
"""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.runtime.bad_input import BadInputError
from serving.runtime.identity import Identity
from serving.runtime.metrics import PredictionMetrics
from serving.runtime.model_files import LoadedModel, load_model
from serving.runtime.tabular import Answer, answer_request, predict_rows

LARGEST_BODY = 1024 * 1024
"""Bytes of a request body; what is larger is refused, as the gateway can't repeat it either."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP status and the JSON object that goes with it."""

    status: int
    body: dict[str, Any]


class Predictor:
    """Answers /predict with one model."""

    def __init__(self, model: LoadedModel, identity: Identity, metrics: PredictionMetrics) -> None:
        self._model = model
        self._metrics = metrics
        self.identity = identity

    @classmethod
    def load(cls, artifact: Path, identity: Identity) -> Predictor:
        """Load the model and answer its own input example once, so the first caller is not slow.

        A model that can't answer its own example raises here, before the server is ready.
        """
        model = load_model(artifact)
        if model.example:
            predict_rows(model, identity.kind, model.example)
        return cls(model, identity, PredictionMetrics(identity))

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns that the model reads."""
        return self._model.signature.names

    def reply(self, body: bytes) -> Reply:
        """Answer one request: 200, or 400 when the caller can mend it, or 500 when it can't."""
        started = time.perf_counter()
        try:
            answer = answer_request(self._model, self.identity.kind, parse_body(body))
        except BadInputError as refused:
            self._metrics.refused()
            return Reply(400, {"error": str(refused), "path": refused.path})
        except Exception as failure:  # noqa: BLE001 (a model is anybody's code: it may raise anything)
            self._metrics.failed()
            _log.exception("the model failed on a request")
            return Reply(500, {"error": _sentence_for(failure)})
        self._metrics.answered(len(answer["predictions"]), time.perf_counter() - started)
        return Reply(200, self._signed(answer))

    def _signed(self, answer: Answer) -> dict[str, Any]:
        return answer | {
            "model_name": self.identity.model_name,
            "model_version": self.identity.model_version,
        }


def parse_body(body: bytes) -> object:
    """Parse a JSON body; raise BadInputError for what is no JSON."""
    try:
        return json.loads(body.decode("utf-8"))
    except RecursionError:
        raise BadInputError("", "the body is nested too deeply") from None
    except UnicodeDecodeError as error:
        raise BadInputError("", f"the body is not UTF-8 (byte {error.start})") from None
    except json.JSONDecodeError as error:
        raise BadInputError("", f"the body is no JSON: {error}") from None
    except ValueError:  # a number of more than 4,300 digits
        raise BadInputError("", "the body has a number with too many digits") from None


def _sentence_for(failure: Exception) -> str:
    kind = type(failure).__name__
    return f"the model failed on this request with {kind}; the server's log has the whole story"
