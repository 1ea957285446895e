from __future__ import annotations

import pytest

from tiffin.validation.trusted_globals import is_trusted


@pytest.mark.parametrize("name", [
    "sklearn.tree._tree.Tree",
    "sklearn.linear_model._logistic.LogisticRegression",
    "sklearn._loss._loss.__pyx_unpickle_CyHalfBinomialLoss",
    "sklearn.neighbors._kd_tree.newObj",
    "numpy._core.multiarray._reconstruct",
    "numpy.random._pickle.__bit_generator_ctor",
    "numpy.float64",
    "scipy.sparse._csr.csr_matrix",
    "pandas.core.frame.DataFrame",
    "xgboost.sklearn.XGBClassifier",
    "lightgbm.basic.Booster",
    "econml.dml.dml.LinearDML",
    "econml.utilities.add_intercept",
    "serving.models.meta_learner.TLearner",
    "collections.OrderedDict",
])  # fmt: skip
def test_trusts_what_honest_models_name(name):
    module, _, last = name.rpartition(".")
    assert is_trusted(module, last)


@pytest.mark.parametrize(("module", "name"), [
    ("os", "system"),
    ("builtins", "getattr"),
    ("builtins", "eval"),
    ("builtins", "type"),
    ("functools", "partial"),
    ("operator", "attrgetter"),
    ("numpy", "load"),
    ("numpy._core", "_ufunc_reconstruct"),
    ("numpy.testing._private.utils", "runstring"),
    ("numpy.ctypeslib", "load_library"),
    ("scipy.stats._distn_infrastructure", "rv_frozen"),
    ("pandas", "read_pickle"),
    ("pandas.core.computation.eval", "eval"),
    ("sklearn.datasets._base", "RemoteFileMetadata"),
    ("sklearn.utils._testing", "TempMemmap"),
    ("sklearn.tree._tree", "os.system"),
    ("sklearn.tree._tree", "Tree.__reduce__"),
    ("sklearnx.tree", "Tree"),
    ("econml.utilities", "get_input_columns"),
    ("joblib", "load"),
    ("pickle", "loads"),
    ("cloudpickle.cloudpickle", "_make_function"),
    ("serving.runtime.keys", "KeyFile"),
    ("", "Tree"),
])  # fmt: skip
def test_trusts_nothing_that_could_run_code(module, name):
    assert not is_trusted(module, name)
