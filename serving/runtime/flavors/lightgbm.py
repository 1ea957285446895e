"""What was logged with `mlflow.lightgbm`: a Booster's text, or a pickled estimator."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from serving.runtime.flavors.named_file import named_file, read_pickled

_BOOSTER = "lightgbm.basic.Booster"


def load_estimator(description: Mapping[str, Any], artifact: Path) -> Any:
    """Return the estimator; a bare Booster answers with its numbers, so it is a regressor."""
    flavor = description["flavors"]["lightgbm"]
    file = named_file(flavor, "data", artifact)
    if flavor.get("model_class", _BOOSTER) != _BOOSTER:
        return read_pickled(file, flavor)
    import lightgbm

    return lightgbm.Booster(model_file=file)
