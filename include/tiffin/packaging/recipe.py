"""What a bento is made of, and the tag that follows from it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from tiffin.errors import RefusedError
from tiffin.packaging.content import file_digest, tree_digest
from tiffin.services.spec import Kind, Service

RECIPE_VERSION = "3"
"""Grows when the way a bento is built changes what comes out."""

SOURCE_FOLDERS = ("models", "runtime", "services")
"""The parts of serving/ that go into every bento."""

_NAMES = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*", re.MULTILINE)
"""Of the packages in a requirements file: what a line begins with, unless it is an option."""

_COMPILER_FOLDERS = ("conversion", "models", "runtime")
"""The parts of serving/ that a compiled model follows from."""

RUNTIME_PACKAGES = (
    "aiohttp",
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
"""What a tabular bento needs."""

PLATFORM_PACKAGES = (
    "anyio",
    "attrs",
    "bentoml",
    "httptools",
    "numpy",
    "opentelemetry-exporter-otlp-proto-http",
    "opentelemetry-sdk",
    "orjson",
    "prometheus-client",
    "pydantic",
    "starlette",
    "uvicorn",
    "uvloop",
)
"""What `serving.services.platform` needs in a bento of one's own, whatever else that needs."""


@dataclass(frozen=True, slots=True)
class BentoRecipe:
    """All inputs of one build. Equal recipes give equal bentos, on any machine."""

    service: str
    model: str
    kind: Kind
    model_digest: str
    inference: str
    """What the service file says of the engine, the interval and the memory to compile in."""
    features: str
    """What the service file says of features by key, as JSON; empty where it says nothing."""
    evaluation_digest: str
    """Of the rows that a compiled model has to agree on; empty where there are none."""
    platform: Path
    """The checkout's serving/, of which each bento has a part."""
    own: Path | None
    """The folder with one's own bento; None for a tabular one."""
    source_digest: str
    compiler_digest: str
    """Of the code that compiles a model, and of what it compiles for."""
    requirements: str
    lock_digest: str
    python: str

    @property
    def version(self) -> str:
        """The bento's version: 16 hexadecimal digits that follow from all inputs."""
        own = (self.service, self.model, self.source_digest, self.features)
        return _digits(*own, *self._inputs_of_the_model)

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
    platform, own = project / "serving", _own_folder(service, project)
    return BentoRecipe(
        service=service.name,
        model=service.model,
        kind=service.kind,
        model_digest=digest,
        inference=_said_of_inference(service),
        features=_said_of_features(service),
        evaluation_digest="" if evaluation_data is None else file_digest(evaluation_data),
        platform=platform,
        own=own,
        source_digest=_source_digest(platform, SOURCE_FOLDERS, own),
        compiler_digest=_source_digest(platform, _COMPILER_FOLDERS, own),
        requirements=_pins(lock, RUNTIME_PACKAGES) if own is None else _joined(own, lock),
        lock_digest=hashlib.sha256(lock.encode()).hexdigest(),
        python=python,
    )


def _said_of_inference(service: Service) -> str:
    said = service.inference
    room = str(service.resources.memory_mib)  # a model that couldn't be compiled in less may be now
    parts = [said.engine, repr(said.tolerance), said.precision, room]
    if service.kind is Kind.REGRESSION:
        parts += [str(said.interval), service.validation.target]
    return " ".join(parts)


def _said_of_features(service: Service) -> str:
    if service.features is None:
        return ""
    said = service.features.model_dump(mode="json", exclude_none=True)
    said["timeout"] = service.features.timeout.total_seconds()
    return json.dumps(said, indent=2, sort_keys=True) + "\n"


def _own_folder(service: Service, project: Path) -> Path | None:
    if service.bento is None:
        return None
    folder = (project / service.bento).resolve()
    if not folder.is_relative_to(project.resolve()):
        raise _bad_folder(
            f"the bento folder {service.bento} of {service.name} is outside the project; move it "
            "inside"
        )
    if any(place.is_symlink() and place.is_dir() for place in folder.rglob("*")):
        raise _bad_folder(
            f"the bento folder {service.bento} of {service.name} has a link to another folder; its "
            "changes would go unseen, so put the files themselves there"
        )
    if not (folder / "service.py").is_file():
        raise _bad_folder(
            f"{service.name} has its own bento in {service.bento}, but there is no service.py in "
            "that folder; write one with a @bentoml.service"
        )
    for name in ("serving", "serving.py"):
        if (folder / name).exists():
            raise _bad_folder(
                f"the bento folder {service.bento} of {service.name} has a {name} of its own, but "
                "that is the name of the platform's package, which is added to each bento; give "
                "yours another name, or remove it if it is a copy"
            )
    return folder


def _bad_folder(sentence: str) -> RefusedError:
    return RefusedError(sentence, code="bad-bento-folder")


def _source_digest(platform: Path, folders: Sequence[str], own: Path | None) -> str:
    parts = [platform / folder for folder in folders]
    return tree_digest(*parts) if own is None else tree_digest(own, *parts)


def _joined(own: Path, lock: str) -> str:
    """Return the requirements of one's own bento, and the platform's where they name none."""
    file = own / "requirements.txt"
    theirs = file.read_text(encoding="utf-8") if file.is_file() else ""
    named = {canonicalize_name(found) for found in _NAMES.findall(theirs)}
    wanted = [package for package in PLATFORM_PACKAGES if package not in named]
    return f"{theirs.rstrip()}\n{_pins(lock, wanted)}".lstrip()


def _pins(lock: str, packages: Collection[str]) -> str:
    """Return the lock's lines for some packages, without hashes."""
    pins = [line.rstrip(" \\") for line in lock.splitlines() if line[:1].isalnum()]
    wanted = [pin for pin in pins if pin.partition("==")[0].partition("[")[0] in packages]
    return "\n".join(wanted) + "\n"
