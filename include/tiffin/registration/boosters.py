"""Models of XGBoost and LightGBM, from their own files and from pickles."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tiffin.registration.columns import Reads
from tiffin.registration.loaded_file import LoadedFile
from tiffin.registration.refusals import bad_file
from tiffin.services.spec import Kind


def load_xgboost(name: str, file: Path) -> LoadedFile:
    """Load what XGBoost saved as the estimator that its objective makes it."""
    del name  # XGBoost's own words are good enough
    import json

    import xgboost

    booster = xgboost.Booster(model_file=str(file))
    objective = json.loads(booster.save_config())["learner"]["objective"]["name"]
    estimator = _xgboost_class(str(objective))()
    estimator.load_model(str(file))
    return of_xgboost(estimator)


def _xgboost_class(objective: str) -> Any:
    import xgboost

    if objective.startswith(("binary:", "multi:")):
        return xgboost.XGBClassifier
    return xgboost.XGBRanker if objective.startswith("rank:") else xgboost.XGBRegressor


def of_xgboost(estimator: Any) -> LoadedFile:
    """Return an estimator, or a bare Booster, which answers numbers."""
    import xgboost

    def save(folder: Path, options: Mapping[str, Any]) -> None:
        import mlflow.xgboost

        mlflow.xgboost.save_model(estimator, folder, model_format="ubj", **options)

    is_bare = isinstance(estimator, xgboost.Booster)
    booster = estimator if is_bare else estimator.get_booster()
    labels = isinstance(estimator, xgboost.XGBClassifier)
    names = booster.feature_names
    reads = Reads(tuple(names) if names else None, int(booster.num_features()))
    kind = Kind.CLASSIFICATION if labels else Kind.REGRESSION
    return LoadedFile(estimator, "xgboost", reads, kind, save)


def load_lightgbm(name: str, file: Path) -> LoadedFile:
    """Load a Booster's text; RefusedError `bad-model-file` for one of several classes."""
    import lightgbm

    return of_lightgbm(name, lightgbm.Booster(model_file=str(file)), "skops", None)


def of_lightgbm(name: str, estimator: Any, form: str, trusted: list[str] | None) -> LoadedFile:
    """Return an estimator, or a bare Booster, which answers numbers."""
    import lightgbm

    def save(folder: Path, options: Mapping[str, Any]) -> None:
        import mlflow.lightgbm

        more = {"skops_trusted_types": trusted} if trusted else {}
        mlflow.lightgbm.save_model(
            estimator, str(folder), serialization_format=form, **more, **options
        )

    is_bare = isinstance(estimator, lightgbm.Booster)
    booster = estimator if is_bare else estimator.booster_
    note = _check_bare(name, booster) if is_bare else ""
    names = booster.feature_name()
    are_made_up = names == [f"Column_{index}" for index in range(len(names))]
    reads = Reads(None if are_made_up else tuple(names), int(booster.num_feature()))
    labels = isinstance(estimator, lightgbm.LGBMClassifier)
    kind = Kind.CLASSIFICATION if labels else Kind.REGRESSION
    return LoadedFile(estimator, "lightgbm", reads, kind, save, note)


def _check_bare(name: str, booster: Any) -> str:
    """Say what a Booster without its classifier answers; refuse one of several classes."""
    if booster.num_model_per_iteration() > 1:
        raise bad_file(
            f"{name} answers with a number for each class, and does not name the classes; save the "
            "LGBMClassifier with joblib or skops"
        )
    if "binary" not in str(booster.params.get("objective", "")):
        return ""
    return (
        "a Booster's text names no classes, so the service answers with the probability of class "
        "1; for labels, save the LGBMClassifier with joblib or skops"
    )
