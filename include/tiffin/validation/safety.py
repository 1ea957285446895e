"""May the artifact be loaded at all? Everything in it is read as bytes; nothing is loaded here.

Files of a kind that holds data only are let through, pickles and archives are looked into, and
whatever else there is (code, shared libraries, unknown formats) is refused, unless the service is
a bento of your own, whose code you vouch for.
"""

from __future__ import annotations

import bz2
import logging
import lzma
import re
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from tiffin.services.spec import Kind
from tiffin.validation.check import CheckResult, failed, passed
from tiffin.validation.description import Description
from tiffin.validation.pickle_globals import Global, Loader, UnreadablePickleError, names_in
from tiffin.validation.trusted_globals import is_trusted

NAME = "safety"

_DATA = frozenset(
    {".csv", ".html", ".json", ".lgb", ".md", ".npy", ".npz", ".onnx", ".parquet"}
    | {".png", ".skops", ".txt", ".ubj", ".xgb", ".yaml", ".yml"}
)
_PICKLES = frozenset([".pkl", ".pickle", ".joblib"])
_NETWORKS = frozenset([".pt", ".pt2", ".pth"])
_PLAIN_NAMES = frozenset({"MLmodel", "registered_model_meta"})
_LOADERS = {f"mlflow.{flavor}": flavor for flavor in ("sklearn", "xgboost", "lightgbm", "onnx")}
"""MLflow's own loaders, and the flavor that each goes by."""
_PYTHON_MODEL = "mlflow.pyfunc.model"
"""Loads a pickle, so what that names decides."""
_XGBOOST_CLASS = re.compile(
    r"xgboost\.(core\.Booster|sklearn\.XGB(RF)?(Classifier|Regressor|Ranker))"
)
_ONNX_WEIGHTS = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(\.data)?")
"""How onnx names the file of the weights that don't fit into the graph; only a graph reads it."""
_LARGEST = 2 << 30
_DEEPEST = 4
_UNPACK: tuple[tuple[bytes, Callable[[bytes], bytes]], ...] = (
    (b"\x1f\x8b", lambda packed: zlib.decompressobj(47).decompress(packed, _LARGEST)),
    (b"\x78", lambda packed: zlib.decompressobj(47).decompress(packed, _LARGEST)),
    (b"BZh", lambda packed: bz2.BZ2Decompressor().decompress(packed, _LARGEST)),
    (b"\xfd7zXZ", lambda packed: lzma.LZMADecompressor().decompress(packed, _LARGEST)),
    (b"\x5d\x00\x00", lambda packed: lzma.LZMADecompressor().decompress(packed, _LARGEST)),
)
"""How joblib's compressed files begin, and what unpacks them, up to a limit."""
_PYTHONS_OWN = sys.stdlib_module_names | {"__builtin__"}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the files are from: what a person calls them, did with them, and who loads them."""

    called: str | None = None
    """The name of an only file, where it lies here under another one."""
    verb: str = "log"
    """What a person did to have it, and can do again."""
    loader: Loader = Loader.ANY


@dataclass(frozen=True, slots=True)
class _File:
    """What is looked into, and what is said of it."""

    name: str
    """As a person calls it."""
    suffix: str
    """As it lies here."""
    is_pickle: bool
    is_skops: bool
    origin: Origin

    @property
    def again(self) -> str:
        return f"{self.origin.verb} the model again"

    @property
    def plainly(self) -> str:
        return f"{self.origin.verb} the model plainly"

    def inner(self, name: str) -> _File:
        """Return a member of this archive, of which nobody knows who loads it."""
        origin = replace(self.origin, loader=Loader.ANY)
        return _File(f"{self.name}:{name}", PurePosixPath(name).suffix, False, False, origin)


def check_safety(
    artifact: Path, description: Description, kind: Kind, origin: Origin | None = None
) -> CheckResult:
    """Look into every file; name the file and what is wrong with it, the worst first.

    Without an `origin` the files were logged with MLflow.
    """
    origin = origin or Origin()
    vouched = kind is Kind.BENTO
    dangers = [] if vouched else list(_custom_code(description))
    files = sorted(path for path in artifact.rglob("*") if not path.is_dir() or path.is_symlink())
    for file in files:
        name = file.relative_to(artifact).as_posix()
        if not _is_onnx_weights(file, name, description):
            dangers += _dangers_of(file, _file(name, description, origin), vouched)
    dangers += _outside(description)
    if dangers:
        return failed(NAME, dangers[0], tuple(dangers))
    return passed(NAME, f"none of the {len(files)} files would execute what a model should not")


def _custom_code(description: Description) -> Iterator[str]:
    flavor = description.flavors.get("python_function", {})
    loader = flavor.get("loader_module")
    if loader is not None and not _is_trusted_loader(loader, flavor, description):
        yield (
            f"MLmodel is loaded by {loader}, which runs code of its own; log the model with its "
            "framework's flavor, or use a service of kind bento"
        )
    flavors = description.flavors.values()
    made_by = description.flavors.get("xgboost", {}).get("model_class")
    if made_by is not None and not _XGBOOST_CLASS.fullmatch(str(made_by)):
        yield f"MLmodel makes a {made_by} of XGBoost's file; log an XGBClassifier or XGBRegressor"
    if any(flavor.get("code") or "model_code_path" in flavor for flavor in flavors):
        yield "MLmodel brings code (code_paths); put it in the project, or use kind bento"


def _outside(description: Description) -> Iterator[str]:
    """Name the files that lie outside the artifact, where nothing of them is looked into."""
    named = {*description.named_files, *description.pickles, *description.skops_files}
    for name in sorted(named):
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            yield f"MLmodel names {name}, which lies outside the model; log the model again"


def _is_trusted_loader(loader: object, flavor: Mapping[str, Any], description: Description) -> bool:
    if loader == _PYTHON_MODEL:
        return isinstance(flavor.get("python_model"), str)
    return isinstance(loader, str) and _LOADERS.get(loader) in description.flavors


def _is_onnx_weights(file: Path, name: str, description: Description) -> bool:
    is_weights = "onnx" in description.flavors and _ONNX_WEIGHTS.fullmatch(name) is not None
    is_loaded = name in description.pickles | description.skops_files
    return is_weights and not is_loaded and not file.is_symlink()


def _file(name: str, description: Description, origin: Origin) -> _File:
    suffix = PurePosixPath(name).suffix
    is_skops = suffix == ".skops" or name in description.skops_files
    is_pickle = name in description.pickles
    return _File(origin.called or name, suffix, is_pickle, is_skops, origin)


def _dangers_of(file: Path, said: _File, vouched: bool) -> list[str]:
    if file.is_symlink() or not file.is_file():
        return [f"{said.name} is a link or a special file; {said.again}"]
    if not vouched and file.suffix in _NETWORKS:
        return [
            f"{said.name} is a network of torch; `tiffin register` takes it, and exports it to ONNX"
        ]
    if not vouched and not said.is_pickle and not _is_known(file):
        return [f"{said.name} is of a kind that may hold code; leave it out, or use kind bento"]
    with file.open("rb") as stream:
        dangers = list(_stream_dangers(stream, said))
    return dangers + list(_skops_dangers(file, said)) if said.is_skops else dangers


def _is_known(file: Path) -> bool:
    return file.suffix in _DATA | _PICKLES or file.name in _PLAIN_NAMES


def _stream_dangers(stream: BinaryIO, file: _File, depth: int = 0) -> Iterator[str]:
    if depth > _DEEPEST:
        yield f"{file.name} is packed more than {_DEEPEST} times; {file.plainly}"
        return
    magic = stream.read(8)
    stream.seek(0)
    unpack = next((unpack for start, unpack in _UNPACK if magic.startswith(start)), None)
    # What MLflow unpickles it reads as it is; some bytes are both a packed file and a pickle.
    is_read_raw = file.is_pickle and depth == 0 and file.origin.loader is Loader.ANY
    if unpack and file.suffix in _PICKLES and not is_read_raw:
        yield from _packed_dangers(unpack, stream, file, depth)
    elif magic.startswith(b"\x93NUMPY"):
        yield from _array_dangers(stream, file)
    elif file.is_pickle or magic[:1] == b"\x80" or file.suffix in _PICKLES:
        yield from _pickle_dangers(stream, file)
    if zipfile.is_zipfile(stream):
        yield from _zip_dangers(stream, file, depth)


def _packed_dangers(
    unpack: Callable[[bytes], bytes], stream: BinaryIO, file: _File, depth: int
) -> Iterator[str]:
    try:
        content = unpack(stream.read())
    except (OSError, EOFError, zlib.error, lzma.LZMAError):
        yield f"{file.name} is compressed and can't be unpacked; {file.again}"
        return
    if len(content) >= _LARGEST:
        yield f"{file.name} unpacks to more than {_LARGEST >> 30} GiB; {file.plainly}"
        return
    yield from _stream_dangers(BytesIO(content), replace(file, is_pickle=True), depth + 1)


def _array_dangers(stream: BinaryIO, file: _File) -> Iterator[str]:
    from numpy.lib import format as npy

    try:
        version = npy.read_magic(stream)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        has_objects = read(stream)[2].hasobject
    except ValueError:
        yield f"{file.name} is no readable NumPy array; {file.again}"
        return
    if has_objects:
        yield from _pickle_dangers(stream, file)


def _zip_dangers(stream: BinaryIO, file: _File, depth: int) -> Iterator[str]:
    try:
        with zipfile.ZipFile(stream) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
            if sum(info.file_size for info in members) > _LARGEST:
                yield f"{file.name} unpacks to more than {_LARGEST >> 30} GiB; {file.plainly}"
                return
            for info in members:
                content = BytesIO(archive.read(info))
                yield from _stream_dangers(content, file.inner(info.filename), depth + 1)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError, EOFError, zlib.error):
        yield f"{file.name} is an archive that can't be unpacked; {file.again}"


def _pickle_dangers(stream: BinaryIO, file: _File) -> Iterator[str]:
    start = stream.tell()
    problem = None
    try:
        names = names_in(stream, file.origin.loader)
    except UnreadablePickleError as unreadable:
        names, problem = unreadable.names, unreadable
    stream.seek(start)
    dangers = [
        f"{file.name} would call {module}.{used}, which no model needs; do not load it"
        for module, used in sorted(names, key=_worst_first)
        if not is_trusted(module, used)
    ]
    dangers += _known_attacks(stream, file.name, {".".join(used) for used in names})
    yield from dangers
    if problem and not dangers:
        yield f"{file.name} is no complete pickle ({problem}); {file.again}"


def _worst_first(used: Global) -> tuple[bool, Global]:
    """Python's own modules reach the machine; a module that nobody has is a misreading at most."""
    return used[0].partition(".")[0] not in _PYTHONS_OWN, used


def _known_attacks(stream: BinaryIO, name: str, seen: set[str]) -> Iterator[str]:
    """Ask picklescan, whose list of known attacks grows; what we have named is not said twice.

    It reads a pickle without running it and calls "unknown" what it can't follow: that is no
    finding, because the names in `seen` come from a full run.
    """
    from picklescan.scanner import SafetyLevel, scan_pickle_bytes

    logging.getLogger("picklescan").setLevel(logging.CRITICAL)
    try:
        found = scan_pickle_bytes(stream, name).globals
    except Exception:  # noqa: BLE001 (hostile bytes break it in many ways; the full run decided)
        return
    for used in found:
        said = f"{used.module}.{used.name}"
        if used.safety is SafetyLevel.Dangerous and "unknown" not in said and said not in seen:
            yield f"{name} holds {said}, a known attack; do not load it"


def _skops_dangers(file: Path, said: _File) -> Iterator[str]:
    import skops.io

    try:
        types = skops.io.get_untrusted_types(file=file)
    except Exception as error:  # noqa: BLE001 (a hostile file breaks skops in any way)
        yield f"{said.name} is no readable skops file ({type(error).__name__}); {said.again}"
        return
    for used in types:
        module, _, last = used.rpartition(".")
        if not is_trusted(module, last):
            yield f"{said.name} would load {used}, which no model needs; do not load it"
