"""What a bento is made of, and the tag that follows from it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tiffin.errors import RefusedError
from tiffin.packaging.content import file_digest, tree_digest
from tiffin.services.spec import Kind, Service

RECIPE_VERSION = "2"
"""Grows when the way a bento is built changes what comes out."""

SOURCE_FOLDERS = ("models", "runtime", "services")
"""The parts of serving/ that go into a tabular bento."""

_COMPILER_FOLDERS = ("conversion", "models", "runtime")
"""The parts of serving/ that a compiled model follows from."""

RUNTIME_PACKAGES = (
    "anyio",
    "attrs",
    "bentoml",
    "cloudpickle",
    "grpclib",
    "h2",
    "httptools",
    "lightgbm",
    "numpy",
    "onnxruntime",
    "opentelemetry-exporter-otlp-proto-http",
    "opentelemetry-sdk",
    "orjson",
    "pandas",
    "prometheus-client",
    "protobuf",
    "pydantic",
    "pyyaml",
    "scikit-learn",
    "shap",
    "skops",
    "starlette",
    "uvicorn",
    "uvloop",
    "xgboost-cpu",
)


@dataclass(frozen=True, slots=True)
class BentoRecipe:
    """All inputs of one build. Equal recipes give equal bentos, on any machine."""

    service: str
    model: str
    kind: Kind
    model_digest: str
    inference: str
    """What the service file says of the engine."""
    evaluation_digest: str
    """Of the rows that a compiled model has to agree on; empty where there are none."""
    source: Path
    source_digest: str
    compiler_digest: str
    """Of the code that compiles a model, and of what it compiles for."""
    requirements: str
    lock_digest: str
    python: str

    @property
    def version(self) -> str:
        """The bento's version: 16 hexadecimal digits that follow from all inputs."""
        return _digits(self.service, self.model, self.source_digest, *self._inputs_of_the_model)

    @property
    def tag(self) -> str:
        """The bento's tag, `<service>:<version>`."""
        return f"{self.service}:{self.version}"

    @property
    def model_tag(self) -> str:
        """The model's tag in BentoML's model store.

        A compiled model follows from more than its artifact; one's own bento has the artifact as
        it is.
        """
        if self.kind is Kind.BENTO:
            return f"{self.service}:{self.model_digest[:16]}"
        return f"{self.service}:{_digits(*self._inputs_of_the_model)}"

    @property
    def _inputs_of_the_model(self) -> tuple[str, ...]:
        return (
            RECIPE_VERSION,
            self.kind.value,
            self.model_digest,
            self.inference,
            self.evaluation_digest,
            self.compiler_digest,
            self.lock_digest,
            self.python,
        )

    def as_json(self) -> str:
        """Return the `recipe.json` that the bento carries and `serving.runtime` reads."""
        fields = {
            "service": self.service,
            "model": self.model,
            "kind": self.kind.value,
            "model_tag": self.model_tag,
        }
        return json.dumps(fields, indent=2, sort_keys=True) + "\n"


def _digits(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def recipe_for(
    service: Service, digest: str, evaluation_data: Path | None, project: Path, python: str
) -> BentoRecipe:
    """Return the recipe for a service's model with this digest, in this checkout."""
    lock = (project / "requirements.txt").read_text(encoding="utf-8")
    source = _source_folder(service, project)
    return BentoRecipe(
        service=service.name,
        model=service.model,
        kind=service.kind,
        model_digest=digest,
        inference=f"{service.inference.engine} {service.inference.tolerance!r}",
        evaluation_digest="" if evaluation_data is None else file_digest(evaluation_data),
        source=source,
        source_digest=_source_digest(service, source, SOURCE_FOLDERS),
        compiler_digest=_source_digest(service, source, _COMPILER_FOLDERS),
        requirements=_pins(lock),
        lock_digest=hashlib.sha256(lock.encode()).hexdigest(),
        python=python,
    )


def _source_folder(service: Service, project: Path) -> Path:
    if service.bento is None:
        return project / "serving"
    folder = (project / service.bento).resolve()
    if not folder.is_relative_to(project.resolve()):
        raise RefusedError(
            f"the bento folder {service.bento} of {service.name} is outside the project; move it "
            "inside",
            code="bad-bento-folder",
        )
    if not (folder / "service.py").is_file():
        raise RefusedError(
            f"{service.name} has its own bento in {service.bento}, but there is no service.py in "
            "that folder; write one with a @bentoml.service",
            code="bad-bento-folder",
        )
    return folder


def _source_digest(service: Service, source: Path, folders: Sequence[str]) -> str:
    if service.kind is Kind.BENTO:
        return tree_digest(source)
    return tree_digest(*(source / folder for folder in folders))


def _pins(lock: str) -> str:
    """Return the lock's lines for the packages that a model server needs, without hashes."""
    pins = [line.rstrip(" \\") for line in lock.splitlines() if line[:1].isalnum()]
    wanted = [pin for pin in pins if pin.partition("==")[0].partition("[")[0] in RUNTIME_PACKAGES]
    return "\n".join(wanted) + "\n"
