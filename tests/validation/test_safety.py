"""Hostile model files: each is refused by name, and none of them ever runs."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import importlib
import io
import os
import pickle
import pkgutil
import re
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType

import cloudpickle
import joblib
import numpy as np
import pytest
import skops.io
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from tiffin.services.spec import Kind
from tiffin.validation.check import CheckResult, Outcome
from tiffin.validation.description import BadDescriptionError, read_description
from tiffin.validation.safety import check_safety
from tiffin.validation.trusted_globals import is_trusted


class Hostile:
    """Creates `canary` when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self):
        return os.system, (f"touch {self.canary}",)


class RaisesOnUnpickling(Hostile):
    def __reduce__(self):
        return exec, (f"open({str(self.canary)!r}, 'w')",)


def in_plain_sight(canary: Path) -> bytes:
    return pickle.dumps(Hostile(canary))


def stack_global_of_computed_names(canary: Path) -> bytes:
    """Looks up posix.system by names that lie in the memo, behind decoys on the stack."""
    touch = f"touch {canary}".encode()
    return b"".join([
        b"\x80\x04",
        b"\x8c\x05posix\x94", b"\x8c\x06system\x94", b"00",
        b"\x8c\x0bcollections\x8c\x0bOrderedDict00",
        b"h\x00", b"h\x01", b"\x93",
        b"\x8c", bytes([len(touch)]), touch, b"\x85R.",
    ])  # fmt: skip


def after_an_array(canary: Path) -> bytes:
    """As joblib writes it: the bytes of an array in the middle of the pickle."""
    out = io.BytesIO()
    joblib.dump({"weights": np.arange(10.0), "more": Hostile(canary)}, out)
    return out.getvalue()


def inside_an_array(canary: Path) -> bytes:
    """A whole joblib file; what joblib skips as 99 bytes of padding, pickle would execute."""
    inner = b"cos\nsystem\n(S'touch " + str(canary).encode() + b"'\ntR."
    out = io.BytesIO()
    joblib.dump(np.zeros(8, dtype=np.uint8), out)
    head = out.getvalue().partition(b"\x10ub")[0] + b"\x10ub"
    return head + inner.ljust(1 + ord("c"), b".") + bytes(8) + b"."


def in_bytes(canary: Path) -> bytes:
    return pickle.dumps({"state": pickle.dumps(Hostile(canary))})


def in_a_zip(canary: Path) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("inner/model.pkl", pickle.dumps(Hostile(canary)))
    return out.getvalue()


def in_an_object_array(canary: Path) -> bytes:
    out = io.BytesIO()
    np.save(out, np.array([Hostile(canary)], dtype=object), allow_pickle=True)
    return out.getvalue()


def a_lambda_by_value(canary: Path) -> bytes:
    return cloudpickle.dumps(lambda row: os.system(f"touch {canary}"))


def by_dotted_name(canary: Path) -> bytes:
    touch = f"touch {canary}".encode()
    name = b"\x8c\x0fsklearn.svm._os\x8c\x09os.system\x93"
    return b"\x80\x04" + name + b"\x8c" + bytes([len(touch)]) + touch + b"\x85R."


def by_numpys_own_lookup(canary: Path) -> bytes:
    return (
        b"cnumpy._core\n_ufunc_reconstruct\n(S'os'\nS'system'\ntR(S'touch "
        + str(canary).encode()
        + b"'\ntR."
    )


def by_numpys_tests(canary: Path) -> bytes:
    code = f"open({str(canary)!r}, 'w')".encode()
    return b'cnumpy.testing._private.utils\nrunstring\n(S"' + code + b'"\n}tR.'


def by_a_distribution(canary: Path) -> bytes:
    return b"cscipy.stats._distn_infrastructure\nrv_continuous\n)R."


HOSTILE: list[tuple[str, Callable[[Path], bytes], str]] = [
    ("model.pkl", in_plain_sight, "posix.system"),
    ("model.pkl", lambda canary: pickle.dumps(Hostile(canary), protocol=0), "posix.system"),
    ("model.pkl", lambda canary: pickle.dumps(RaisesOnUnpickling(canary)), "builtins.exec"),
    ("model.pkl", lambda canary: pickle.dumps(1) + pickle.dumps(Hostile(canary)), "posix.system"),
    ("model.pkl", lambda canary: pickle.dumps(Hostile(canary))[:-3], "posix.system"),
    ("model.pkl", stack_global_of_computed_names, "posix.system"),
    ("model.pkl", in_bytes, "posix.system"),
    ("model.pkl", a_lambda_by_value, "cloudpickle"),
    ("model.pkl", by_dotted_name, "os.system"),
    ("model.pkl", by_numpys_own_lookup, "_ufunc_reconstruct"),
    ("model.pkl", by_numpys_tests, "runstring"),
    ("model.pkl", by_a_distribution, "scipy.stats"),
    ("model.joblib", after_an_array, "posix.system"),
    ("model.joblib", inside_an_array, "os.system"),
    ("model.joblib", lambda c: gzip.compress(pickle.dumps(Hostile(c))), "posix.system"),
    ("weights.npz", in_a_zip, "inner/model.pkl would call posix.system"),
    ("weights.txt", in_a_zip, "inner/model.pkl would call posix.system"),
    ("weights.npy", in_an_object_array, "posix.system"),
    ("notes.txt", lambda canary: pickle.dumps(Hostile(canary)), "posix.system"),
    ("helper.py", lambda canary: b"import os", "may hold code"),
    ("model.pth", lambda canary: b"PK", "`tiffin register` takes it, and exports it to ONNX"),
    ("native.so", lambda canary: b"\x7fELF", "may hold code"),
    ("model.pkl", lambda canary: b"", "no complete pickle"),
    ("model.pkl", lambda canary: pickle.dumps(list(range(999)))[:-40], "no complete pickle"),
    ("model.skops", lambda canary: b"PK\x03\x04 and no more", "no readable skops"),
]  # fmt: skip


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder whose path is short enough for the attacks that count its bytes."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def check(trained, kind: Kind = Kind.CLASSIFICATION) -> CheckResult:
    return check_safety(trained.artifact, read_description(trained.artifact), kind)


@pytest.mark.parametrize(("name", "attack", "named"), HOSTILE)
def test_refuses_a_hostile_file_without_running_it(trained, tmp_path, name, attack, named):
    canary = tmp_path / "ran"
    (trained.artifact / name).write_bytes(attack(canary))
    found = check(trained)
    assert found.outcome is Outcome.FAILED
    assert name in found.sentence
    assert any(named in detail for detail in found.details), found.details
    assert not canary.exists()


def test_a_joblib_file_that_hides_instructions_is_whole_for_joblib(tmp_path):
    file = tmp_path / "model.joblib"
    file.write_bytes(inside_an_array(tmp_path / "ran"))
    assert joblib.load(file).tolist() == [0] * 8


def test_the_hostile_pickle_would_have_run(tmp_path):
    for attack in (in_plain_sight, stack_global_of_computed_names, inside_an_array):
        canary = tmp_path / attack.__name__
        with contextlib.suppress(pickle.UnpicklingError):  # once it has run, it may end badly
            pickle.loads(attack(canary))
        assert canary.exists()


def test_a_skops_file_with_an_unknown_type_is_refused_whatever_mlmodel_trusts(trained):
    trained.save(Hostile(Path("nowhere")))
    said = read_description(trained.artifact).flavors
    said["sklearn"]["skops_trusted_types"] = ["tests.validation.test_safety.Hostile"]
    trained.describe(flavors=said)
    found = check(trained)
    assert found.outcome is Outcome.FAILED
    assert any("test_safety.Hostile" in detail for detail in found.details)


@pytest.mark.parametrize("form", ["skops", "cloudpickle"])
def test_passes_an_honest_model(trained, form):
    rows = np.random.default_rng(0).normal(size=(60, 3))
    trained.save(RandomForestClassifier(5).fit(rows, rows[:, 0] > 0), form)
    assert check(trained).outcome is Outcome.PASSED


@pytest.mark.parametrize("compress", [0, 3, ("bz2", 3), ("xz", 3)])
def test_passes_an_honest_joblib_file(trained, compress):
    rows = np.random.default_rng(0).normal(size=(60, 3))
    forest = RandomForestClassifier(5).fit(rows, np.where(rows[:, 0] > 0, "good", "bad"))
    joblib.dump({"forest": forest, "labels": np.array(["a", None], dtype=object)},
                trained.artifact / "more.joblib", compress=compress)  # fmt: skip
    assert check(trained) == check(trained)
    assert check(trained).outcome is Outcome.PASSED


@pytest.mark.parametrize("flavor", [
    {"loader_module": "mlflow.pyfunc.model"},
    {"loader_module": "my_loader"},
    {"loader_module": "mlflow.sklearn", "code": "code"},
])  # fmt: skip
def test_code_of_its_own_needs_a_bento(trained, flavor):
    trained.describe(flavors={"python_function": flavor})
    assert check(trained).outcome is Outcome.FAILED
    assert check(trained, Kind.BENTO).outcome is Outcome.PASSED


def test_a_bento_vouches_for_its_code_and_not_for_its_pickles(trained, tmp_path):
    (trained.artifact / "service.py").write_text("")
    assert check(trained, Kind.BENTO).outcome is Outcome.PASSED
    (trained.artifact / "model.pkl").write_bytes(pickle.dumps(Hostile(tmp_path / "ran")))
    assert check(trained, Kind.BENTO).outcome is Outcome.FAILED


def test_refuses_a_link_out_of_the_artifact(trained):
    (trained.artifact / "data.csv").symlink_to("/etc/passwd")
    assert "link" in check(trained).sentence


def test_skops_itself_trusts_what_an_estimator_of_sklearn_is(trained):
    assert skops.io.get_untrusted_types(file=trained.artifact / "model.skops") == []


@pytest.mark.parametrize("flavor", [
    {"sklearn": {"pickled_model": "./weights.json", "serialization_format": "pickle"}},
    {"lightgbm": {"data": "weights.json", "model_class": "lightgbm.sklearn.LGBMClassifier"}},
    {"lightgbm": {"data": "a/../weights.json", "model_class": None}},
    {"python_function": {"loader_module": "mlflow.pyfunc.model", "python_model": "weights.json"}},
])  # fmt: skip
def test_a_pickle_is_found_under_whatever_name_a_flavor_has_for_it(trained, tmp_path, flavor):
    touch = f"touch {tmp_path / 'ran'}"
    plain = b"cposix\nsystem\n(S'" + touch.encode() + b"'\ntR."
    (trained.artifact / "weights.json").write_bytes(plain)
    trained.describe(flavors=flavor)
    assert "posix.system" in check(trained).sentence
    assert not (tmp_path / "ran").exists()


def test_a_skops_file_is_looked_into_under_whatever_name_it_has(trained):
    (trained.artifact / "weights.json").write_bytes(skops.io.dumps(Hostile(Path("nowhere"))))
    flavor = {"pickled_model": "weights.json", "serialization_format": "skops"}
    trained.describe(flavors={"sklearn": flavor})
    assert "weights.json would load" in check(trained).sentence


@pytest.mark.parametrize("name", ["xgboost", "lightgbm", "onnx"])
def test_a_native_file_is_data_and_goes_by_its_own_loader(trained, name):
    file = {"xgboost": "model.ubj", "lightgbm": "model.lgb", "onnx": "model.onnx"}[name]
    (trained.artifact / file).write_bytes(b"{L")
    function = {"loader_module": f"mlflow.{name}", "data": file}
    trained.describe(flavors={"python_function": function, name: {"data": file}})
    assert check(trained).outcome is Outcome.PASSED
    trained.describe(flavors={"python_function": function})
    assert "code of its own" in check(trained).sentence


def test_weights_beside_an_onnx_model_are_no_pickle_whatever_they_begin_with(trained):
    weights = trained.artifact / "cef2906c-e5d1-11f1-ad73-02fc00000001.data"
    weights.write_bytes(b"\x80\x04 numbers")
    assert check(trained).outcome is Outcome.FAILED
    trained.describe(flavors={"onnx": {"data": "model.onnx"}})
    assert check(trained).outcome is Outcome.PASSED
    trained.describe(flavors={"onnx": {}, "sklearn": {"pickled_model": weights.name}})
    assert check(trained).outcome is Outcome.FAILED


def test_a_python_function_may_name_what_a_model_may(trained):
    flavor = {"loader_module": "mlflow.pyfunc.model", "python_model": "python_model.pkl"}
    trained.describe(flavors={"python_function": flavor})
    file = trained.artifact / "python_model.pkl"
    file.write_bytes(pickle.dumps(RandomForestClassifier(5)))
    assert check(trained).outcome is Outcome.PASSED
    file.write_bytes(cloudpickle.dumps(lambda row: row))
    assert "cloudpickle" in check(trained).sentence


@pytest.mark.parametrize("end", ["\x85", "\u2028", "\u2029"])
def test_a_description_that_can_be_read_in_two_ways_is_refused(trained, end):
    file = trained.artifact / "MLmodel"
    other = "flavors: {sklearn: {pickled_model: evil.txt, serialization_format: pickle}}"
    file.write_text(f"{file.read_text()}extra:\n     a: 1\n#xxx{end}{other}\n")
    with pytest.raises(BadDescriptionError, match="read in two ways"):
        read_description(trained.artifact)


@pytest.mark.timeout(60)
def test_values_that_refer_to_each_other_many_times_take_no_time(trained):
    file = trained.artifact / "MLmodel"
    levels = (
        f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 20)
    )
    file.write_text("\n".join([file.read_text(), "a0: &a0 [1]", *levels, ""]))
    assert read_description(trained.artifact).flavors


@pytest.mark.parametrize("name", ["/tmp/evil.txt", "../evil.txt", "a/../../evil.txt"])
def test_a_file_outside_the_artifact_is_refused(trained, name):
    trained.describe(flavors={"sklearn": {"pickled_model": name, "serialization_format": "pickle"}})
    assert "lies outside the model" in check(trained).sentence


@pytest.mark.parametrize("made_by", ["this.s", "os.abort", "xgboost.sklearn.XGBModel.x"])
def test_xgboosts_file_makes_no_other_class(trained, made_by):
    trained.describe(flavors={"xgboost": {"data": "model.xgb", "model_class": made_by}})
    assert made_by in check(trained).sentence


def test_what_mlflow_unpickles_is_read_as_it_is_and_not_unpacked(trained):
    file = trained.save(LogisticRegression(), "cloudpickle")
    file.write_bytes(bz2.compress(file.read_bytes()))
    assert "no complete pickle" in check(trained).sentence


MODEL_PACKAGES = ("sklearn", "lightgbm", "xgboost", "serving.models", "scipy.interpolate")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("package", MODEL_PACKAGES)
def test_no_trusted_name_is_a_strangers(package):
    strangers = set()
    for module in modules_below(package):
        for name in filter(partial(is_trusted, module.__name__), dir(module)):
            found = getattr(module, name)
            home = str(getattr(found, "__module__", "")) if callable(found) else ""
            if home.partition(".")[0] in sys.stdlib_module_names - HARMLESS:
                strangers.add(f"{module.__name__}.{name} of {home}")
    assert strangers == set()


NOT_FOR_MODELS = re.compile(r"tests|_testing|conftest|externals|\.dask|\.spark|_build_utils")
HARMLESS = frozenset({"abc", "collections", "enum", "numbers", "statistics", "typing", "fractions"})


def modules_below(package: str) -> Iterator[ModuleType]:
    root = importlib.import_module(package)
    yield root
    for found in pkgutil.walk_packages(root.__path__, f"{package}.", onerror=lambda name: None):
        if not re.search(
            r"tests|_testing|conftest|externals|\.dask|\.spark|_build_utils", found.name
        ):
            with contextlib.suppress(ImportError):
                yield importlib.import_module(found.name)
