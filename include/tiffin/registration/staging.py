"""A private copy of a model file, looked into before anything loads it: what was checked is what
is loaded, whatever happens to the original meanwhile."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from tiffin.registration.recognition import Form
from tiffin.registration.refusals import bad_file, unsafe_file
from tiffin.registry.digest import tree_digest
from tiffin.services.spec import Kind
from tiffin.validation.check import Outcome
from tiffin.validation.description import BadDescriptionError, Description, read_flavors
from tiffin.validation.pickle_globals import Loader
from tiffin.validation.safety import Origin, check_safety


@dataclass(frozen=True, slots=True)
class StagedModel:
    """A model's copy, and what it is."""

    name: str
    """As the person calls it."""
    file: Path
    form: Form
    notes: tuple[str, ...] = ()


def digest_of(file: Path) -> str:
    """Return the SHA-256 of a file, or of a folder's content."""
    if file.is_dir():
        return tree_digest(file)
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def stage(file: Path, form: Form, into: Path) -> StagedModel:
    """Copy the model below `into`, an empty folder, and look into it.

    Raises RefusedError `unsafe-model-file` when loading it would run what no model needs.
    """
    folder = into / "staged"
    folder.mkdir(parents=True)
    copy = folder if form is Form.MLFLOW else folder / _staged_name(file, form)
    try:
        if form is Form.MLFLOW:
            shutil.copytree(file, copy, symlinks=True, dirs_exist_ok=True)
        else:
            shutil.copyfile(file, copy)
    except OSError as error:
        raise bad_file(f"{file} can't be read: {error}") from None
    if not form.is_torch:  # torch reads these itself, by ways that run no Python
        _check(folder, _description(folder, copy.name, form), _origin(file, form))
    return StagedModel(file.name, copy, form)


def _staged_name(file: Path, form: Form) -> str:
    """Return the file's own name, ending as files of its form do."""
    return file.name if file.suffix == form.suffix else f"{file.stem}{form.suffix}"


def _description(folder: Path, name: str, form: Form) -> Description:
    """Say how the model would be loaded, which decides what is looked for."""
    if form is Form.MLFLOW:
        try:
            flavors = read_flavors(folder)
        except BadDescriptionError as problem:
            raise bad_file(str(problem)) from None
        return Description(flavors, None, 0, None)
    by_form = {
        Form.PICKLE: {"sklearn": {"pickled_model": name, "serialization_format": "pickle"}},
        Form.SKOPS: {"sklearn": {"pickled_model": name, "serialization_format": "skops"}},
    }
    return Description(by_form.get(form, {}), None, 0, None)


def _origin(file: Path, form: Form) -> Origin:
    """Say whose the file is; `tiffin.registration.loading` has joblib load every pickle."""
    if form is Form.MLFLOW:
        return Origin()
    loader = Loader.JOBLIB if form is Form.PICKLE else Loader.ANY
    return Origin(called=file.name, verb="save", loader=loader)


def _check(folder: Path, description: Description, origin: Origin) -> None:
    found = check_safety(folder, description, Kind.CLASSIFICATION, origin)
    if found.outcome is not Outcome.FAILED:
        return
    more = len(found.details) - 1
    others = f" (and {more} more)" if more > 0 else ""
    raise unsafe_file(f"{found.sentence}{others}")
