"""The BentoML service for tabular models: classification, regression and causal effects.

It only works inside a bento, where `recipe.json` lies beside the source and says which model
and kind it serves; `tiffin.packaging` builds such bentos.
"""

from __future__ import annotations

from pathlib import Path

import bentoml

from serving.runtime.identity import Identity, Recipe
from serving.runtime.predictor import Predictor
from serving.services.web import tabular_app

RECIPE = Recipe.read(Path(__file__).resolve().parents[2] / "recipe.json")
APP = tabular_app()


# Tracing and the access log cost four times what a small model does, and the gateway logs and
# counts each request anyway.
@bentoml.service(
    name=RECIPE.service,
    traffic={"timeout": 30},
    logging={"access": {"enabled": False}},
    tracing={"excluded_urls": [".*"]},
)
@bentoml.asgi_app(APP, path="/")
class TabularService:
    """Loads its model when a worker starts, which is ready once the model has answered."""

    model_files = bentoml.models.BentoModel(RECIPE.model_tag)

    def __init__(self) -> None:
        APP.state.predictor = Predictor.load(Path(self.model_files.path), Identity.of(RECIPE))
