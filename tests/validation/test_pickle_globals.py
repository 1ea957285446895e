from __future__ import annotations

import collections
import copy
import datetime
import io
import pickle
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joblib.numpy_pickle import NumpyArrayWrapper, NumpyUnpickler
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.validation.test_safety import Hostile, after_an_array, in_bytes, inside_an_array
from tiffin.validation.pickle_globals import Loader, UnreadablePickleError, names_in
from tiffin.validation.trusted_globals import is_trusted


class _Witness(pickle.Unpickler):
    """The real machine, noting what it looks up."""

    def __init__(self, content: bytes) -> None:
        super().__init__(io.BytesIO(content))
        self.names: set[tuple[str, str]] = set()

    def find_class(self, module: str, name: str) -> object:
        self.names.add((module, name))
        return super().find_class(module, name)


def _fitted() -> object:
    rows = np.random.default_rng(0).normal(size=(50, 2))
    return make_pipeline(StandardScaler(), GradientBoostingClassifier(n_estimators=3)).fit(
        rows, rows[:, 0] > 0
    )


VALUES = [
    _fitted(),
    pd.Series([1.5, 2.0], index=[3, 5]),
    {"when": datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC), "many": {1, 2}, "f": frozenset()},
    collections.OrderedDict(a=collections.Counter("aab")),
    np.random.default_rng(3),
]


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_finds_exactly_the_names_that_loading_looks_up(value, protocol):
    content = pickle.dumps(copy.deepcopy(value), protocol=protocol)
    witness = _Witness(content)
    witness.load()
    found = names_in(io.BytesIO(content))
    assert found == witness.names
    assert [name for name in sorted(found) if not is_trusted(*name)] == []


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
))  # fmt: skip
def test_plain_values_name_nothing(value):
    for protocol in (2, 5):
        found = names_in(io.BytesIO(pickle.dumps(value, protocol=protocol)))
        assert found <= {("_codecs", "encode"), ("__builtin__", "bytes")}  # bytes in protocol 2


@given(st.binary(max_size=200))
def test_noise_is_refused_or_harmless(noise):
    try:
        names_in(io.BytesIO(noise))
    except UnreadablePickleError:
        return


def test_a_pickle_that_ends_early_is_unreadable_wherever_it_ends():
    content = pickle.dumps({"a": [1, 2], "b": "text"})
    for end in range(len(content)):
        with pytest.raises(UnreadablePickleError):
            names_in(io.BytesIO(content[:end]))


@pytest.mark.parametrize("attack", [after_an_array, inside_an_array, in_bytes])
def test_finds_what_hides_in_bytes_and_arrays_without_help(attack):
    names = names_in(io.BytesIO(attack(Path("/ran"))))
    assert names & {("os", "system"), ("posix", "system")}


class _JoblibWitness(NumpyUnpickler):
    """joblib's real machine, noting what it looks up."""

    def __init__(self, content: bytes) -> None:
        super().__init__("", io.BytesIO(content), ensure_native_byte_order=False)
        self.names: set[tuple[str, str]] = set()

    def find_class(self, module: str, name: str) -> object:
        self.names.add((module, name))
        return super().find_class(module, name)


def _fitted_on_a_table() -> object:
    """Its first array is one of objects, the names of the columns."""
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(50, 2)), columns=["a", "b"])
    labels = np.where(table.a > 0, "good", "bad")
    forest = GradientBoostingClassifier(n_estimators=3)
    return make_pipeline(StandardScaler(), forest).fit(table, labels)


ARRAYS = [
    np.arange(10.0),
    np.arange(6).reshape(2, 3).T,
    np.array(3.5),
    np.empty((0, 3)),
    np.array(["a", "longer"]),
    np.array([b"raw"]),
    np.array(["2026-01-01"], dtype="datetime64[D]"),
    np.array([("x", 1)], dtype=[("name", "U3"), ("inner", [("count", "i4")])]),
    np.array([({"a": 1}, 1)], dtype=[("any", "O"), ("count", "i4")]),
    np.array([1, None, "text", {"a": {2}}], dtype=object),
]
CONTAINERS = [
    {"m": _fitted_on_a_table()},
    [_fitted_on_a_table(), _fitted()],
    {"before": np.arange(3), "models": (_fitted_on_a_table(), {"labels": ARRAYS[-1]})},
    collections.OrderedDict(row=pd.Series([1.5, 2.0], index=[3, 5]), model=_fitted_on_a_table()),
    [ARRAYS[-1]] * 2 + [ARRAYS[0]] * 2,
    *ARRAYS,
    ARRAYS,
]


def as_joblib(value: object, protocol: int | None = None) -> bytes:
    out = io.BytesIO()
    joblib.dump(value, out, protocol=protocol)
    return out.getvalue()


@pytest.mark.parametrize("value", CONTAINERS)
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_finds_exactly_the_names_that_joblib_looks_up(value, protocol):
    content = as_joblib(value, protocol)
    witness = _JoblibWitness(content)
    witness.load()
    found = names_in(io.BytesIO(content), Loader.JOBLIB)
    assert found == witness.names
    assert [name for name in sorted(found) if not is_trusted(*name)] == []


@pytest.mark.parametrize("value", CONTAINERS)
def test_finds_what_lies_behind_any_arrays(value, tmp_path):
    hostile = {"first": value, "then": Hostile(tmp_path / "ran"), "last": ARRAYS[0]}
    assert ("posix", "system") in names_in(io.BytesIO(as_joblib(hostile)), Loader.JOBLIB)
    assert not (tmp_path / "ran").exists()


def behind_bytes(canary: Path) -> bytes:
    """What is an array of five bytes to joblib begins a text of bytes to pickle, to the end."""

    class Pipe(io.BytesIO):
        def tell(self) -> int:
            raise io.UnsupportedOperation

    out, start = Pipe(), b"B\0\0\0\0"
    joblib.dump([np.frombuffer(start, np.uint8), Hostile(canary)], out, protocol=2)
    head, _, rest = out.getvalue().partition(start)
    return head + b"B" + len(rest).to_bytes(4, "little") + rest + b"."


class _Reduced:
    def __init__(self, *reduced: object) -> None:
        self.reduced = reduced

    def __reduce__(self):
        return self.reduced


def _array_of(dtype: object, content: bytes, protocol: int = 2) -> bytes:
    wrapper = NumpyArrayWrapper(np.ndarray, (len(content),), "C", dtype)
    return pickle.dumps(wrapper, protocol=protocol).removesuffix(b".") + content + b"."


def objects_by_a_flag(canary: Path) -> bytes:
    """An array of numbers whose dtype says that they are pickled."""
    state = (3, "|", None, None, None, -1, -1, 63)
    return _array_of(_Reduced(np.dtype, ("u1", False, True), state), pickle.dumps(Hostile(canary)))


def wider_than_it_says(canary: Path) -> bytes:
    state = (3, "|", None, None, None, 200, 1, 0)
    return _array_of(_Reduced(np.dtype, ("V1", False, True), state), pickle.dumps(Hostile(canary)))


def made_by_a_function(canary: Path) -> bytes:
    """Protocol 1 has no instruction that makes an object: a function of copyreg's does it."""
    return _array_of(np.dtype("u1"), b"\1\xff" + pickle.dumps(Hostile(canary)), protocol=1)


def made_by_a_call(canary: Path) -> bytes:
    given = (np.ndarray, (3,), "C", np.dtype("u1"))
    made = _Reduced(NumpyArrayWrapper, given, {"allow_mmap": False})
    return pickle.dumps(made).removesuffix(b".") + b"\1\xffabc" + pickle.dumps(Hostile(canary))


@pytest.mark.parametrize("loader", Loader)
@pytest.mark.parametrize("attack", [
    behind_bytes, objects_by_a_flag, wider_than_it_says, made_by_a_function, made_by_a_call,
])  # fmt: skip
def test_an_array_whose_end_is_in_doubt_is_refused(attack, loader, tmp_path):
    content = attack(tmp_path / "ran")
    with pytest.raises(UnreadablePickleError):
        names_in(io.BytesIO(content), loader)
    assert not (tmp_path / "ran").exists()


def test_what_hides_behind_bytes_would_have_run(tmp_path):
    joblib.load(io.BytesIO(behind_bytes(tmp_path / "ran")))
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [b"", pickle.dumps([1])[:-1], as_joblib(ARRAYS[0])[:-30]])
def test_the_reason_has_words_for_a_file_that_ends_early(content):
    with pytest.raises(UnreadablePickleError, match=r"\w") as refused:
        names_in(io.BytesIO(content))
    assert not str(refused.value).endswith((":", ": "))
