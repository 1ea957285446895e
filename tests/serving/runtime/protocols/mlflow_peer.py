"""MLflow's own scoring server, asked in a process of its own: importing MLflow is slow.

Saves the tiny models as MLflow does, posts each body of a JSON file to the application that
`mlflow models serve` runs, and writes what it answered beside it.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any


def main(folder: Path) -> None:
    import mlflow
    from fastapi.testclient import TestClient
    from mlflow.models import infer_signature
    from mlflow.pyfunc import scoring_server

    from tests.serving.runtime.protocols import tiny_models as tiny

    models = {
        "people": (tiny.classifier(), infer_signature(tiny.PEOPLE, tiny.STATUS)),
        "points": (tiny.regressor(), infer_signature(tiny.POINTS, tiny.HEIGHTS)),
        "one": (tiny.one_column(), infer_signature(tiny.ONE, tiny.HEIGHTS)),
    }
    apps = {}
    for name, (model, signature) in models.items():
        place = str(folder / name)
        mlflow.sklearn.save_model(
            model, place, signature=signature, serialization_format="cloudpickle"
        )
        apps[name] = TestClient(scoring_server.init(mlflow.pyfunc.load_model(place)))
    asked = json.loads((folder / "asked.json").read_text())
    answers = [ask(apps[each["model"]], each) for each in asked]
    (folder / "answers.json").write_text(json.dumps(answers))


def ask(app: Any, asked: dict[str, str]) -> dict[str, Any]:
    headers = {"content-type": asked["content_type"]}
    answer = app.post("/invocations", content=asked["body"], headers=headers)
    kind = answer.headers["content-type"].partition(";")[0]
    body = answer.json() if kind == "application/json" else answer.text
    return {"status": answer.status_code, "content_type": kind, "body": body}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(Path(sys.argv[1]))
