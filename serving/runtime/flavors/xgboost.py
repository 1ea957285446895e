"""What was logged with `mlflow.xgboost`: a native file, which holds data only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from serving.runtime.flavors.named_file import named_file

_BOOSTER = "xgboost.core.Booster"
_CLASSES = frozenset(
    {"XGBClassifier", "XGBRegressor", "XGBRFClassifier", "XGBRFRegressor", "XGBRanker"}
)


class XGBoostBooster:
    """A bare Booster, which knows no tables: it answers with its numbers, so it is a regressor."""

    def __init__(self, booster: Any) -> None:
        self.booster = booster

    def predict(self, table: Any) -> Any:
        """Return one number for each row."""
        import xgboost

        return self.booster.predict(xgboost.DMatrix(table))


def load_estimator(description: Mapping[str, Any], artifact: Path) -> Any:
    """Return the estimator of the class that was logged; ValueError for a class of others."""
    import xgboost

    flavor = description["flavors"]["xgboost"]
    file = named_file(flavor, "data", artifact)
    logged = str(flavor.get("model_class", _BOOSTER))
    if logged == _BOOSTER:
        return XGBoostBooster(xgboost.Booster(model_file=file))
    package, _, name = logged.rpartition(".")
    if package != "xgboost.sklearn" or name not in _CLASSES:
        raise ValueError(f"{logged} can't be loaded; log an XGBClassifier or XGBRegressor")
    estimator = getattr(xgboost, name)()
    estimator.load_model(file)
    return estimator
