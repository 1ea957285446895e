from __future__ import annotations

import collections
import copy
import datetime
import io
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.validation.test_safety import after_an_array, in_bytes, inside_an_array
from tiffin.validation.pickle_globals import UnreadablePickleError, names_in
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
