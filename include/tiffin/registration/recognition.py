"""Which framework wrote a file, by what is in it; its name says little. Nothing is loaded here."""

from __future__ import annotations

import zipfile
from enum import StrEnum
from pathlib import Path

from tiffin.registration.refusals import bad_file


class Form(StrEnum):
    """How a model lies on disk."""

    PICKLE = "pickle"
    """Python's own, of pickle, cloudpickle or joblib, compressed or not."""
    SKOPS = "skops"
    XGBOOST_JSON = "xgboost-json"
    XGBOOST_UBJ = "xgboost-ubj"
    LIGHTGBM = "lightgbm"
    """A Booster's text."""
    ONNX = "onnx"
    TORCHSCRIPT = "torchscript"
    TORCH_EXPORT = "torch-export"
    MLFLOW = "mlflow"
    """A folder with an MLmodel file."""

    @property
    def suffix(self) -> str:
        """How the names of such files end."""
        return _SUFFIXES[self]

    @property
    def is_torch(self) -> bool:
        """Whether it is a network that only torch can read."""
        return self in (Form.TORCHSCRIPT, Form.TORCH_EXPORT)


_SUFFIXES = {
    Form.PICKLE: ".pkl",
    Form.SKOPS: ".skops",
    Form.XGBOOST_JSON: ".json",
    Form.XGBOOST_UBJ: ".ubj",
    Form.LIGHTGBM: ".txt",
    Form.ONNX: ".onnx",
    Form.TORCHSCRIPT: ".pt",
    Form.TORCH_EXPORT: ".pt2",
    Form.MLFLOW: "",
}
KNOWN = (
    "a pickle or joblib file, skops, XGBoost's JSON or UBJ, LightGBM's text, ONNX, TorchScript, "
    "torch.export, and a folder that MLflow saved"
)
_HEAD = 4096
_ZLIB = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
_COMPRESSED = (*_ZLIB, b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x5d\x00\x00")
"""How the files begin that joblib compressed with zlib, gzip, bz2, xz or lzma."""
_TORCH_BEFORE_ZIP = b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19"
"""The number at the start of what torch.save wrote before it wrote archives."""
_TRACED = (
    "export the network with it: torch.jit.script(network).save('model.pt'), torch.export.save, or "
    "torch.onnx.export"
)


def recognise(file: Path) -> Form:
    """Return how the model lies on disk; RefusedError `bad-model-file` for what is no model."""
    if file.is_dir():
        return _folder(file)
    head = _head(file)
    if head.startswith(b"PK\x03\x04"):
        return _archive(file)
    if _TORCH_BEFORE_ZIP in head[:16]:
        raise bad_file(f"{file.name} holds weights without their network; {_TRACED}")
    form = _by_first_bytes(head)
    if form is None:
        raise _unknown(file, head)
    return form


def _folder(folder: Path) -> Form:
    if not (folder / "MLmodel").is_file():
        raise bad_file(
            f"the folder {folder} has no MLmodel file; give a model's file, or the folder"
        )
    return Form.MLFLOW


def _head(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            head = stream.read(_HEAD)
    except OSError as error:
        why = (error.strerror or "unknown error").lower()
        raise bad_file(f"{file} can't be read: {why}") from None
    if not head:
        raise bad_file(f"{file} is empty; save the model again")
    return head


def _by_first_bytes(head: bytes) -> Form | None:
    if head[:1] == b"\x80" or head.startswith(_COMPRESSED) or head.startswith((b"(", b"c")):
        return Form.PICKLE
    if head.startswith(b"{") and b"learner" in head[:64]:
        return Form.XGBOOST_JSON if head[1:].lstrip().startswith(b'"') else Form.XGBOOST_UBJ
    if head.startswith(b"tree\n"):
        return Form.LIGHTGBM
    if (
        head[:1] == b"\x08" and head[1:2].strip(b"\0") and head[1] < 64
    ):  # protobuf: the field `ir_version`, a small number
        return Form.ONNX
    return None


def _archive(file: Path) -> Form:
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        raise bad_file(f"{file.name} is cut off or damaged; copy it again") from None
    inner = {name.partition("/")[2] for name in names}
    if "schema.json" in names:
        return Form.SKOPS
    if "constants.pkl" in inner and any(name.startswith("code/") for name in inner):
        return Form.TORCHSCRIPT
    if "serialized_exported_program.json" in names or "archive_format" in inner:
        return _exported(file, names)
    if "data.pkl" in inner:
        raise bad_file(
            f"{file.name} was written by torch.save: weights without the network that they belong "
            f"to (a state_dict), or a pickled module; {_TRACED}"
        )
    raise bad_file(f"{file.name} is an archive, but no model that is known here: {KNOWN}")


def _exported(file: Path, names: list[str]) -> Form:
    """Refuse what torch.export would load as machine code."""
    if any(name.endswith((".so", ".o")) for name in names):
        raise bad_file(f"{file.name} holds compiled code; save it with torch.export.save alone")
    return Form.TORCH_EXPORT


def _unknown(file: Path, head: bytes) -> Exception:
    if head.startswith(b"version https://git-lfs"):
        return bad_file(f"{file.name} is only Git LFS' pointer to the file; run `git lfs pull`")
    if head.startswith(b"\x89HDF"):
        return bad_file(f"{file.name} is in HDF5, as Keras has it; export it to ONNX with tf2onnx")
    if head.startswith(b"binf"):
        return bad_file(
            f"{file.name} is in XGBoost's old binary format; save it as .ubj with the XGBoost that "
            "wrote it"
        )
    return bad_file(f"{file.name} is no model that is known here: {KNOWN}")
