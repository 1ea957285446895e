"""The service of the bentos that Tiffin builds for tabular models.

It only works inside such a bento, where `recipe.json` lies beside the source and says which
model and kind it serves, and `features.json` where rows may come by key; `tiffin.packaging` puts
them there.
"""

from __future__ import annotations

from pathlib import Path

from serving.runtime.identity import Identity, Recipe
from serving.services.tabular import tabular_service

_BENTO = Path(__file__).resolve().parents[2]
_FEATURES = _BENTO / "features.json"

RECIPE = Recipe.read(_BENTO / "recipe.json")

TabularService = tabular_service(
    tag=RECIPE.model_tag,
    identity=Identity.of(RECIPE),
    features_file=_FEATURES if _FEATURES.is_file() else None,
)
