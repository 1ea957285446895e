"""What a bento is made of, and the tag that follows from it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from tiffin.errors import RefusedError
from tiffin.packaging.content import tree_digest
from tiffin.services.spec import Kind, Service

RECIPE_VERSION = "1"
"""Grows when the way a bento is built changes what comes out."""

SOURCE_FOLDERS = ("models", "runtime", "services")
"""The parts of serving/ that go into a tabular bento."""

RUNTIME_PACKAGES = (
    "anyio",
    "bentoml",
    "cloudpickle",
    "numpy",
    "pandas",
    "prometheus-client",
    "pyyaml",
    "scikit-learn",
    "skops",
    "starlette",
)


@dataclass(frozen=True, slots=True)
class BentoRecipe:
    """All inputs of one build. Equal recipes give equal bentos, on any machine."""

    service: str
    model: str
    kind: Kind
    model_digest: str
    source: Path
    source_digest: str
    requirements: str
    lock_digest: str
    python: str

    @property
    def version(self) -> str:
        """The bento's version: 16 hexadecimal digits that follow from all inputs."""
        parts = (
            RECIPE_VERSION,
            self.service,
            self.model,
            self.kind.value,
            self.model_digest,
            self.source_digest,
            self.lock_digest,
            self.python,
        )
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

    @property
    def tag(self) -> str:
        """The bento's tag, `<service>:<version>`."""
        return f"{self.service}:{self.version}"

    @property
    def model_tag(self) -> str:
        """The model's tag in BentoML's model store."""
        return f"{self.service}:{self.model_digest[:16]}"

    def as_json(self) -> str:
        """Return the `recipe.json` that the bento carries and `serving.runtime` reads."""
        fields = {
            "service": self.service,
            "model": self.model,
            "kind": self.kind.value,
            "model_tag": self.model_tag,
        }
        return json.dumps(fields, indent=2, sort_keys=True) + "\n"


def recipe_for(service: Service, digest: str, project: Path, python: str) -> BentoRecipe:
    """Return the recipe for a service's model with this digest, in this checkout."""
    lock = (project / "requirements.txt").read_text(encoding="utf-8")
    source = _source_folder(service, project)
    return BentoRecipe(
        service=service.name,
        model=service.model,
        kind=service.kind,
        model_digest=digest,
        source=source,
        source_digest=_source_digest(service, source),
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


def _source_digest(service: Service, source: Path) -> str:
    if service.kind is Kind.BENTO:
        return tree_digest(source)
    return tree_digest(*(source / folder for folder in SOURCE_FOLDERS))


def _pins(lock: str) -> str:
    """Return the lock's lines for the packages that a model server needs, without hashes."""
    pins = [line.rstrip(" \\") for line in lock.splitlines() if line[:1].isalnum()]
    wanted = [pin for pin in pins if pin.partition("==")[0].partition("[")[0] in RUNTIME_PACKAGES]
    return "\n".join(wanted) + "\n"
