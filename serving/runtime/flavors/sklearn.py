"""What was logged with `mlflow.sklearn`: scikit-learn's estimators, and econml's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from serving.runtime.flavors.econml import knows_only_effects, with_effects_as_predictions
from serving.runtime.flavors.named_file import named_file, read_pickled


def load_estimator(description: Mapping[str, Any], artifact: Path) -> Any:
    """Return the estimator; ValueError with one sentence when its file can't be read."""
    flavor = description["flavors"]["sklearn"]
    estimator = read_pickled(named_file(flavor, "pickled_model", artifact), flavor)
    if knows_only_effects(estimator):
        return with_effects_as_predictions(estimator)
    return estimator
