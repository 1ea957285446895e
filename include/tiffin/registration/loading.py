"""Loads a model file of any form; only in a confined process, after the file was looked into.

What comes back knows how to save itself as MLflow does, each with its framework's own flavor.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tiffin.errors import RefusedError
from tiffin.registration.boosters import (
    load_lightgbm,
    load_xgboost,
    of_lightgbm,
    of_xgboost,
)
from tiffin.registration.columns import Reads
from tiffin.registration.graphs import load_onnx, of_onnx
from tiffin.registration.loaded_file import LoadedFile
from tiffin.registration.mlflow_folder import complete_folder
from tiffin.registration.recognition import Form
from tiffin.registration.refusals import bad_file, model_fails
from tiffin.registration.versions import is_same_minor, version_in, version_warned_of
from tiffin.services.spec import Kind

_LONGEST = 200
_OWN_FLAVORS = ("sklearn", "xgboost", "lightgbm", "onnx")


def load(name: str, file: Path, form: Form) -> LoadedFile:
    """Load a file that `name` is a person's word for.

    Raises RefusedError `model-fails` when it can't be loaded here, `bad-model-file` when what it
    holds is no model.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            loaded = _LOADERS[form](name, file)
        except RefusedError:
            raise
        except Exception as error:  # noqa: BLE001 (each framework has errors of its own)
            raise _not_loaded(name, file, form, error) from None
    _check_version(name, version_warned_of(caught))
    return loaded


def _check_version(name: str, made_with: str | None) -> None:
    here = version("scikit-learn")
    if made_with is not None and not is_same_minor(made_with, here):
        raise model_fails(
            f"{name} was saved with scikit-learn {made_with}, here is {here}, which may answer "
            f"otherwise; train it again with {here}"
        )


def _not_loaded(name: str, file: Path, form: Form, error: Exception) -> Exception:
    if form in (Form.PICKLE, Form.SKOPS):
        _check_version(name, version_in(file))
    if isinstance(error, ModuleNotFoundError):
        return model_fails(f"{name} needs {error.name}; pip install it here")
    brief = " ".join(str(error).split())[:_LONGEST]
    return model_fails(f"{name} can't be loaded ({type(error).__name__}: {brief}); save it again")


def _pickle(name: str, file: Path) -> LoadedFile:
    import joblib

    return of_estimator(name, joblib.load(file), "cloudpickle")


def _skops(name: str, file: Path) -> LoadedFile:
    import skops.io

    types = skops.io.get_untrusted_types(file=file)  # each has been held against our list
    return of_estimator(name, skops.io.load(file, trusted=types), "skops", types)


def of_estimator(
    name: str, estimator: Any, form: str, trusted: list[str] | None = None
) -> LoadedFile:
    """Return what was pickled, by the package that it is of."""
    package = type(estimator).__module__.partition(".")[0]
    if package == "xgboost":
        return of_xgboost(estimator)
    if package == "lightgbm":
        return of_lightgbm(name, estimator, form, trusted)
    if not hasattr(estimator, "predict") and not hasattr(estimator, "effect"):
        raise bad_file(
            f"{name} holds a {type(estimator).__name__}, which has no `predict`; save the model, "
            "or a whole Pipeline, by itself"
        )
    return _of_sklearn(estimator, form, trusted)


def _of_sklearn(estimator: Any, form: str, trusted: list[str] | None) -> LoadedFile:
    def save(folder: Path, options: Mapping[str, Any]) -> None:
        import mlflow.sklearn

        more = {"skops_trusted_types": trusted or []} if form == "skops" else {}
        mlflow.sklearn.save_model(estimator, folder, serialization_format=form, **more, **options)

    framework = "econml" if _package(estimator) == "econml" else "scikit-learn"
    return LoadedFile(estimator, framework, _reads(estimator), _kind(estimator), save)


def _kind(estimator: Any) -> Kind | None:
    from sklearn.base import is_classifier, is_regressor

    module = type(estimator).__module__
    if _package(estimator) == "econml" or module == "serving.models.meta_learner":
        return Kind.CAUSAL
    try:
        if is_classifier(estimator):
            return Kind.CLASSIFICATION
        return Kind.REGRESSION if is_regressor(estimator) else None
    except AttributeError:  # it has a `predict`, and nothing else of scikit-learn's
        return None


def _reads(estimator: Any) -> Reads:
    names = getattr(estimator, "feature_names_in_", None)
    width = getattr(estimator, "n_features_in_", None)
    if width is None and _package(estimator) == "econml":
        width = next(iter(getattr(estimator, "_d_x", None) or ()), None)
    return Reads(
        names=None if names is None else tuple(map(str, names)),
        width=None if width is None else int(width),
    )


def _package(estimator: Any) -> str:
    return type(estimator).__module__.partition(".")[0]


def _folder(name: str, folder: Path) -> LoadedFile:
    """Load a folder that MLflow saved; saved again, it is the same folder, made whole."""
    import mlflow.models

    described = mlflow.models.Model.load(str(folder))
    flavor = next((flavor for flavor in _OWN_FLAVORS if flavor in described.flavors), "pyfunc")
    module = importlib.import_module(f"mlflow.{flavor}")
    estimator = module.load_model(str(folder))
    told = _of_flavor(name, flavor, estimator)
    reads, kind = (told.reads, told.kind) if told else (Reads(), None)
    signature = described.get_input_schema()
    if signature is not None and signature.has_input_names():
        reads = Reads(names=tuple(signature.input_names()))

    def save(into: Path, options: Mapping[str, Any]) -> None:
        complete_folder(folder, into, options)

    framework = told.framework if told else "mlflow"
    return LoadedFile(estimator, framework, reads, kind, save)


def _of_flavor(name: str, flavor: str, estimator: Any) -> LoadedFile | None:
    if flavor == "onnx":
        return of_onnx(name, estimator)
    return None if flavor == "pyfunc" else of_estimator(name, estimator, "cloudpickle")


_LOADERS: Mapping[Form, Callable[[str, Path], LoadedFile]] = {
    Form.PICKLE: _pickle,
    Form.SKOPS: _skops,
    Form.XGBOOST_JSON: load_xgboost,
    Form.XGBOOST_UBJ: load_xgboost,
    Form.LIGHTGBM: load_lightgbm,
    Form.ONNX: load_onnx,
    Form.MLFLOW: _folder,
}
