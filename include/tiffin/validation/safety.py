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
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from tiffin.services.spec import Kind
from tiffin.validation.check import CheckResult, failed, passed
from tiffin.validation.description import Description
from tiffin.validation.pickle_globals import UnreadablePickleError, names_in
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


def check_safety(artifact: Path, description: Description, kind: Kind) -> CheckResult:
    """Look into every file; name the file and what is wrong with it."""
    vouched = kind is Kind.BENTO
    dangers = [] if vouched else list(_custom_code(description))
    files = sorted(path for path in artifact.rglob("*") if not path.is_dir() or path.is_symlink())
    for file in files:
        name = file.relative_to(artifact).as_posix()
        if not _is_onnx_weights(file, name, description):
            dangers += _dangers_of(file, name, description, vouched)
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
    if any(flavor.get("code") or "model_code_path" in flavor for flavor in flavors):
        yield "MLmodel brings code (code_paths); put it in the project, or use kind bento"


def _is_trusted_loader(loader: object, flavor: Mapping[str, Any], description: Description) -> bool:
    if loader == _PYTHON_MODEL:
        return isinstance(flavor.get("python_model"), str)
    return isinstance(loader, str) and _LOADERS.get(loader) in description.flavors


def _is_onnx_weights(file: Path, name: str, description: Description) -> bool:
    is_weights = "onnx" in description.flavors and _ONNX_WEIGHTS.fullmatch(name) is not None
    is_loaded = name in description.pickles | description.skops_files
    return is_weights and not is_loaded and not file.is_symlink()


def _dangers_of(file: Path, name: str, description: Description, vouched: bool) -> list[str]:
    if file.is_symlink() or not file.is_file():
        return [f"{name} is a link or a special file; log the model again"]
    is_pickle = name in description.pickles
    if not vouched and file.suffix in _NETWORKS:
        return [f"{name} is a network of torch; `tiffin register` takes it, and exports it to ONNX"]
    if not vouched and not is_pickle and not _is_known(file):
        return [f"{name} is of a kind that may hold code; leave it out, or use kind bento"]
    with file.open("rb") as stream:
        dangers = list(_stream_dangers(stream, name, is_pickle))
    if file.suffix == ".skops" or name in description.skops_files:
        dangers += _skops_dangers(file, name)
    return dangers


def _is_known(file: Path) -> bool:
    return file.suffix in _DATA | _PICKLES or file.name in _PLAIN_NAMES


def _stream_dangers(stream: BinaryIO, name: str, is_pickle: bool, depth: int = 0) -> Iterator[str]:
    if depth > _DEEPEST:
        yield f"{name} is packed more than {_DEEPEST} times; log the model plainly"
        return
    magic = stream.read(8)
    stream.seek(0)
    unpack = next((unpack for start, unpack in _UNPACK if magic.startswith(start)), None)
    if unpack and PurePosixPath(name).suffix in _PICKLES:
        yield from _packed_dangers(unpack, stream, name, depth)
    elif magic.startswith(b"\x93NUMPY"):
        yield from _array_dangers(stream, name)
    elif is_pickle or magic[:1] == b"\x80" or PurePosixPath(name).suffix in _PICKLES:
        yield from _pickle_dangers(stream, name)
    if zipfile.is_zipfile(stream):
        yield from _zip_dangers(stream, name, depth)


def _packed_dangers(
    unpack: Callable[[bytes], bytes], stream: BinaryIO, name: str, depth: int
) -> Iterator[str]:
    try:
        content = unpack(stream.read())
    except (OSError, EOFError, zlib.error, lzma.LZMAError):
        yield f"{name} is compressed and can't be unpacked; log the model again"
        return
    if len(content) >= _LARGEST:
        yield f"{name} unpacks to more than {_LARGEST >> 30} GiB; log the model plainly"
        return
    yield from _stream_dangers(BytesIO(content), name, True, depth + 1)


def _array_dangers(stream: BinaryIO, name: str) -> Iterator[str]:
    from numpy.lib import format as npy

    try:
        version = npy.read_magic(stream)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        has_objects = read(stream)[2].hasobject
    except ValueError:
        yield f"{name} is no readable NumPy array; log the model again"
        return
    if has_objects:
        yield from _pickle_dangers(stream, name)


def _zip_dangers(stream: BinaryIO, name: str, depth: int) -> Iterator[str]:
    try:
        with zipfile.ZipFile(stream) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
            if sum(info.file_size for info in members) > _LARGEST:
                yield f"{name} unpacks to more than {_LARGEST >> 30} GiB; log the model plainly"
                return
            for info in members:
                content = BytesIO(archive.read(info))
                yield from _stream_dangers(content, f"{name}:{info.filename}", False, depth + 1)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError, EOFError, zlib.error):
        yield f"{name} is an archive that can't be unpacked; log the model again"


def _pickle_dangers(stream: BinaryIO, name: str) -> Iterator[str]:
    start = stream.tell()
    try:
        names = names_in(stream)
    except UnreadablePickleError as problem:
        names = problem.names
        if all(is_trusted(*used) for used in names):
            yield f"{name} is no complete pickle ({problem}); log the model again"
    for module, used in sorted(names):
        if not is_trusted(module, used):
            yield f"{name} would call {module}.{used}, which no model needs; do not load it"
    stream.seek(start)
    yield from _known_attacks(stream, name, {".".join(used) for used in names})


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


def _skops_dangers(file: Path, name: str) -> Iterator[str]:
    import skops.io

    try:
        types = skops.io.get_untrusted_types(file=file)
    except Exception as error:  # noqa: BLE001 (a hostile file breaks skops in any way)
        yield f"{name} is no readable skops file ({type(error).__name__}); log the model again"
        return
    for used in types:
        module, _, last = used.rpartition(".")
        if not is_trusted(module, last):
            yield f"{name} would load {used}, which no model needs; do not load it"
