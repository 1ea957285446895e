"""The service of the bentos that Tiffin builds for tabular models.

It only works inside such a bento, where `recipe.json` lies beside the source and says which
model and kind it serves; `tiffin.packaging` puts both there.
"""

from __future__ import annotations

from pathlib import Path

from serving.runtime.identity import Identity, Recipe
from serving.services.tabular import tabular_service

RECIPE = Recipe.read(Path(__file__).resolve().parents[2] / "recipe.json")

TabularService = tabular_service(tag=RECIPE.model_tag, identity=Identity.of(RECIPE))
