"""Makes sure that a bento exists, whole, in a BentoML home.

A bento is built in a staging folder and moved into place by rename, the model first, so the
store never holds half of one. Its digest is written beside the store last of all: a bento
without a record, or that does not agree with its record, is built again.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from tiffin.errors import RefusedError, UnavailableError
from tiffin.lifeline import tied
from tiffin.packaging.content import forget_creation_times, tree_digest
from tiffin.packaging.inference import InferenceReport, compile_model, microseconds_of
from tiffin.packaging.recipe import SOURCE_FOLDERS, BentoRecipe, recipe_for
from tiffin.services.spec import Kind, Service

BUILD_SECONDS = 300
_NO_BYTECODE = shutil.ignore_patterns("__pycache__", "*.pyc")


@dataclass(frozen=True, slots=True)
class BentoReference:
    """A bento in the store: `image` pins it by digest, as a Revision wants it."""

    tag: str
    version: str
    digest: str
    inference: InferenceReport | None = None
    """Which engine answers; None for one's own bento."""
    microseconds: Mapping[str, float | None] = field(default_factory=dict)
    """Of one row by engine, as it was measured when the bento was built."""

    @property
    def image(self) -> str:
        """The bento pinned by its content, `<service>:<version>@sha256:<hex>`."""
        return f"{self.tag}@{self.digest}"


@dataclass(frozen=True, slots=True)
class LoggedModel:
    """What was logged with a model version."""

    artifact: Path
    digest: str
    """The artifact's tree digest."""
    evaluation_data: Path | None = None
    """Rows that a compiled model has to agree on; without them the model stays native."""


def ensure_bento(
    home_folder: Path, service: Service, model: LoggedModel, project: Path
) -> BentoReference:
    """Return the bento of this model for this service, built if it isn't there whole.

    `home_folder` is the BENTOML_HOME, `project` the checkout with serving/ and requirements.txt.
    Run twice, or killed at any instant and run again, it ends with the same bento; two at once
    wait for each other. Raises RefusedError (`bento-build-failed`, `bad-bento-folder`,
    `onnx-disagrees`, `onnx-impossible`) or UnavailableError (`packaging-unavailable`).
    """
    recipe = recipe_for(
        service, model.digest, model.evaluation_data, project, python=_python_version()
    )
    store = _Store(home_folder, recipe)
    try:
        with store.locked():
            known = store.recorded()
            if known is None or known != store.content_digest():
                _build(store, service, model)
            return store.reference()
    except OSError as error:
        raise UnavailableError(
            f"the bento {recipe.tag} could not be written to {home_folder}: {error}; make room or "
            "mend the folder, and try again",
            code="packaging-unavailable",
        ) from error


class _Store:
    """The places of one bento below a BENTOML_HOME."""

    def __init__(self, home: Path, recipe: BentoRecipe) -> None:
        self.home = home
        self.recipe = recipe
        self.bento = home / "bentos" / recipe.service / recipe.version
        self.model = home / "models" / recipe.service / recipe.model_tag.partition(":")[2]
        self._own = home / "packaging"
        self._name = f"{recipe.service}-{recipe.version}"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of the service's bentos; they share the model store's folder."""
        self._own.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self._own / f"{self.recipe.service}.lock", timeout=2 * BUILD_SECONDS):
                yield
        except Timeout as error:
            raise UnavailableError(
                f"another build of {self.recipe.service} has held its lock for "
                f"{2 * BUILD_SECONDS} s; end it and try again",
                code="packaging-unavailable",
            ) from error

    def recorded(self) -> str | None:
        """Return the digest that the finished build wrote down, or None."""
        digest = self._recorded().get("digest")
        return None if digest is None else str(digest)

    def reference(self) -> BentoReference:
        """Return the bento that is there, as its build wrote it down."""
        written, own = self._recorded(), self.recipe.kind is Kind.BENTO
        return BentoReference(
            tag=self.recipe.tag,
            version=self.recipe.version,
            digest=f"sha256:{written['digest']}",
            inference=None if own else InferenceReport.read(self.model),
            microseconds=written.get("microseconds", {}),
        )

    def _recorded(self) -> Mapping[str, Any]:
        try:
            return dict(json.loads(self._record.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError):
            return {}

    def content_digest(self) -> str | None:
        """Return the digest of what is in the store, or None when a part is missing."""
        if not self.bento.is_dir() or not self.model.is_dir():
            return None
        return tree_digest(self.bento, self.model)

    def record(self, microseconds: Mapping[str, float | None]) -> None:
        """Write the digest and the timings down, atomically; the last act of a build."""
        fields = {
            "tag": self.recipe.tag,
            "digest": self.content_digest(),
            "microseconds": dict(microseconds),
        }
        draft = self._record.with_suffix(".draft")
        with draft.open("w", encoding="utf-8") as stream:
            json.dump(fields, stream)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(self._record)

    def fresh_staging(self) -> Path:
        """Return an empty folder on the same disk, and remove those of builds that were killed."""
        for left in self._own.glob(f"{self._name}.staging-*"):
            shutil.rmtree(left, ignore_errors=True)
        return Path(tempfile.mkdtemp(prefix=f"{self._name}.staging-", dir=self._own))

    @property
    def _record(self) -> Path:
        return self._own / f"{self._name}.json"


def _build(store: _Store, service: Service, model: LoggedModel) -> None:
    """Build beside the store and publish; the context is elsewhere, because BentoML reads no
    file below a folder whose name begins with a dot, as our default home's does.
    """
    staging = store.fresh_staging()
    compiled = staging / "compiled"
    try:
        if store.recipe.kind is not Kind.BENTO:
            compile_model(service, model.artifact.resolve(), model.evaluation_data, compiled)
        with tempfile.TemporaryDirectory(prefix="tiffin-bento-") as folder:
            context = Path(folder).resolve() / "context"
            _write_context(store.recipe, context)
            request = _request(store.recipe, model.artifact.resolve(), compiled, context)
            _run_builder(store.recipe, request, staging, context)
        _publish(store, staging)
        store.record(microseconds_of(compiled))
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _write_context(recipe: BentoRecipe, context: Path) -> None:
    if recipe.own is not None:
        shutil.copytree(recipe.own, context, ignore=_NO_BYTECODE)
    for folder in SOURCE_FOLDERS:
        place = context / "serving" / folder
        shutil.copytree(recipe.platform / folder, place, ignore=_NO_BYTECODE)
    shutil.copy(recipe.platform / "__init__.py", context / "serving")
    (context / "requirements.txt").write_text(recipe.requirements, encoding="utf-8")
    (context / "recipe.json").write_text(recipe.as_json(), encoding="utf-8")
    if recipe.features:
        (context / "features.json").write_text(recipe.features, encoding="utf-8")


def _run_builder(
    recipe: BentoRecipe, request: Mapping[str, object], staging: Path, context: Path
) -> None:
    file = staging / "request.json"
    file.write_text(json.dumps(request), encoding="utf-8")
    command = [sys.executable, "-m", "tiffin.packaging.builder", str(file)]
    try:
        done = subprocess.run(
            tied(command),
            cwd=context,
            env=_builder_environment(staging),
            capture_output=True,
            text=True,
            timeout=BUILD_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(
            f"the build of {recipe.tag} took longer than {BUILD_SECONDS} s; try again",
            code="packaging-unavailable",
        ) from error
    if done.returncode != 0:
        raise RefusedError(
            f"BentoML could not build {recipe.tag}: {_last_line(done.stderr)}; mend the service's "
            "code and deploy again",
            code="bento-build-failed",
        )


def _builder_environment(staging: Path) -> dict[str, str]:
    return {
        **os.environ,
        "BENTOML_HOME": str(staging / "home"),
        "BENTOML_DO_NOT_TRACK": "True",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _request(
    recipe: BentoRecipe, artifact: Path, compiled: Path, context: Path
) -> dict[str, object]:
    return {
        "service": recipe.service,
        "version": recipe.version,
        "model_tag": recipe.model_tag,
        "model_digest": recipe.model_digest,
        "artifact": str(artifact),
        "compiled": str(compiled),
        "context": str(context),
        "own": recipe.kind is Kind.BENTO,
        "python": recipe.python,
    }


def _publish(store: _Store, staging: Path) -> None:
    """Move the model, then the bento that refers to it, into the store.

    A model that is there already stays: another bento with the same digest may be serving it.
    """
    built = _Store(staging / "home", store.recipe)
    forget_creation_times(built.model / "model.yaml")
    forget_creation_times(built.bento / "bento.yaml")
    whole = store.model.is_dir() and tree_digest(store.model) == tree_digest(built.model)
    if not whole:
        _replace(built.model, store.model)
    _replace(built.bento, store.bento)


def _replace(new: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.exists():
        shutil.rmtree(place)
    new.rename(place)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:500] if lines else "it said nothing"


def _python_version() -> str:
    return ".".join(platform.python_version_tuple()[:2])
