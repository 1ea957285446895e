"""Which classes and functions a model file may name: an allow-list, for pickle and skops alike.

A pickle is a program: it may call whatever it names. So names are trusted one by one, or class by
class in the packages of models; never a whole package, because packages also hold functions that
run text as code (`numpy.testing`, `scipy.stats`, `pandas.eval`) or hand out other modules'
attributes (`numpy._core._ufunc_reconstruct`). A dotted name (`os.system` inside some module that
imports `os`) is never trusted. Nor is pyarrow, whose arrays are rebuilt from raw memory layouts: a
model that keeps a table with texts is better saved with skops.
"""

from __future__ import annotations

import re

_CLASS = re.compile(r"_?[A-Z]\w*|__pyx_unpickle_\w+")

_BUILTINS = frozenset(
    {"bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list"}
    | {"object", "range", "set", "slice", "str", "tuple", "Ellipsis", "NotImplemented"}
)
_EXACT: dict[str, frozenset[str]] = {
    "builtins": _BUILTINS,
    "__builtin__": _BUILTINS | {"long", "unicode", "xrange"},
    "copyreg": frozenset({"_reconstructor"}),
    "copy_reg": frozenset({"_reconstructor"}),
    "_codecs": frozenset({"encode"}),
    "collections": frozenset({"OrderedDict", "defaultdict", "deque", "Counter"}),
    "datetime": frozenset({"date", "datetime", "time", "timedelta", "timezone"}),
    "decimal": frozenset({"Decimal"}),
    "types": frozenset({"SimpleNamespace"}),
    "joblib.numpy_pickle": frozenset({"NumpyArrayWrapper"}),
    "numpy._core.multiarray": frozenset({"_reconstruct", "scalar"}),
    "numpy.core.multiarray": frozenset({"_reconstruct", "scalar"}),
    "numpy._core.numeric": frozenset({"_frombuffer"}),
    "numpy.core.numeric": frozenset({"_frombuffer"}),
    "econml.utilities": frozenset({"add_intercept"}),
    "numpy.ma.core": frozenset({"MaskedArray", "_mareconstruct"}),
    "numpy.random._pickle": frozenset(
        {"__randomstate_ctor", "__bit_generator_ctor", "__generator_ctor"}
    ),
    "numpy.random.bit_generator": frozenset({"SeedSequence", "__pyx_unpickle_SeedSequence"}),
    "pandas": frozenset(
        {"Categorical", "CategoricalDtype", "DataFrame", "Index", "RangeIndex", "Series"}
    ),
    "pandas._libs.internals": frozenset({"_unpickle_block"}),
    "pandas._libs.arrays": frozenset({"__pyx_unpickle_NDArrayBacked"}),
    "pandas.core.indexes.base": frozenset({"Index", "_new_Index"}),
    "scipy.special._ufuncs": frozenset({"expit", "logit"}),
    "sklearn.compose._column_transformer": frozenset({"make_column_selector"}),
    "sklearn.feature_selection._univariate_selection": frozenset(
        {"chi2", "f_classif", "f_oneway", "f_regression", "r_regression"}
    ),
    "sklearn.preprocessing._function_transformer": frozenset({"FunctionTransformer", "_identity"}),
}

_SPARSE = re.compile(r"(bsr|coo|csc|csr|dia|dok|lil)_(array|matrix)")
_NUMPY = re.compile(
    r"u?int(8|16|32|64|p)?|float(16|32|64|128)|complex(64|128|256)|bool_?|str_|bytes_|object_"
    r"|datetime64|timedelta64|ndarray|dtype"
    r"|abs|absolute|cos|exp|expm1|log|log10|log1p|log2|sign|sin|sqrt|square|tanh"
)
_BY_PACKAGE: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("numpy", _NUMPY),
    ("numpy.dtypes", re.compile(r"[A-Z]\w*DType")),
    ("numpy.random", re.compile(r"MT19937|PCG64(DXSM)?|Philox|SFC64|Generator|RandomState")),
    ("numpy.random.*", re.compile(r"MT19937|PCG64(DXSM)?|Philox|SFC64|Generator|RandomState")),
    ("scipy.sparse.*", _SPARSE),
    ("scipy.interpolate.*", _CLASS),
    ("scipy.spatial.*", re.compile(r"c?KDTree")),
    ("pandas.core.frame", re.compile(r"DataFrame")),
    ("pandas.core.series", re.compile(r"Series")),
    ("pandas.core.indexes.*", _CLASS),
    ("pandas.core.internals.*", re.compile(r"(Single)?BlockManager")),
    ("pandas.core.arrays.*", _CLASS),
    ("pandas.core.dtypes.dtypes", re.compile(r"[A-Z]\w*Dtype")),
    ("sklearn.neighbors.*", re.compile(r"newObj")),
    ("sklearn.metrics._dist_metrics", re.compile(r"newObj")),
    ("sklearn.*", _CLASS),
    ("xgboost.*", re.compile(r"Booster|XGB\w+")),
    ("lightgbm.*", re.compile(r"Booster|LGBM\w+")),
    ("econml.*", _CLASS),
    ("serving.models.*", _CLASS),
)
_NEVER = re.compile(
    r"sklearn\.(datasets|externals|conftest|_build_utils|utils\._testing|utils\._mocking)(\..*)?"
    r"|sklearn\.callback(\..*)?"
    r"|sklearn\.utils\.(_repr_html|parallel|discovery|estimator_checks|_test_common)(\..*)?"
    r"|(.*\.)?(tests?|testing|_testing)(\..*)?"
)
_STRANGERS = frozenset(
    {"BytesIO", "Client", "Connection", "GenericAlias", "Listener", "Lock", "MethodType"}
    | {"NamedTuple", "Parallel", "Parameter", "Path", "PosixPath", "Process", "Progress", "Queue"}
    | {"RLock", "Signature", "StringIO", "Thread", "ThreadpoolController"}
)
"""Classes of others that modules of models import: a name in them would reach files or sockets."""


def is_trusted(module: str, name: str) -> bool:
    """True when a model file may name this class or function."""
    if not name.isidentifier() or name in _STRANGERS or _NEVER.fullmatch(module):
        return False
    if name in _EXACT.get(module, ()):
        return True
    return any(
        _is_in(module, package) and pattern.fullmatch(name) for package, pattern in _BY_PACKAGE
    )


def _is_in(module: str, package: str) -> bool:
    if package.endswith(".*"):
        return module.startswith(package[:-1])
    return module == package
