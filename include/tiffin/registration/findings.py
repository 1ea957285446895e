"""What was found out about a model file: what a person is shown, and what is kept with its run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from tiffin.services.spec import Kind


@dataclass(frozen=True, slots=True)
class Findings:
    """All that the file and the sample told."""

    file: str
    framework: str
    """With its version: `scikit-learn 1.9.1`."""
    estimator: str
    """The class of the model, and those of a pipeline's steps."""
    kind: Kind
    features: Mapping[str, str]
    """The columns that it reads, and of which type, in their order."""
    is_named: bool
    """Whether the model reads columns by name; else callers send lists."""
    truth: str | None
    """The column with the truth."""
    truth_why: str
    rows: int
    """Of the evaluation data; 0 where no sample was given."""
    example: Mapping[str, Any] | tuple[Any, ...]
    """One row, as a caller sends it."""
    notes: tuple[str, ...] = ()
    """What a person should know besides."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    answers: tuple[str, ...] = ()
    """The keys of an answer of /predict that hold the model's answers."""

    def as_json(self) -> str:
        """Return the findings as the text of a file."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def of_json(cls, text: str) -> Findings:
        """Read what `as_json` wrote."""
        said = json.loads(text)
        example, kind = said["example"], Kind(said["kind"])
        told = replace(cls(**said), kind=kind, notes=tuple(said["notes"]))
        return replace(
            told,
            example=example if isinstance(example, dict) else tuple(example),
            answers=tuple(said["answers"]),
        )
