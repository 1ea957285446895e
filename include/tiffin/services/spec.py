"""The shape of a service file. Its JSON schema is published from here; editors complete it.

Durations are written as `30s`, `5m`, `2h` (or seconds); shares as `10%` or a fraction below 1.
"""

from __future__ import annotations

import math
import re
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

_NAME = r"^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$"
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def _duration(value: object) -> object:
    _refuse_yes_or_no(value)
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", value.strip())
    if match is None:
        raise ValueError(f"{value!r} is no duration: write a number and ms, s, m, h or d")
    return float(match[1]) * _UNITS[match[2]]


def _within_a_year(value: timedelta) -> timedelta:
    if not timedelta(0) <= value <= timedelta(days=366):
        raise ValueError("a duration is between 0s and 366d")
    return value


def _not_nothing(value: timedelta) -> timedelta:
    if not value:
        raise ValueError("must be longer than 0s")
    return value


def _share(value: object) -> object:
    _refuse_yes_or_no(value)
    if isinstance(value, int | float) and value > 1:
        raise ValueError(f"{value:g} is no share: write {value:g}% or a fraction of 1")
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", value.strip())
    if match is None:
        raise ValueError(f"{value!r} is no share: write a percentage such as 10%")
    return float(match[1]) / 100


def _coverage(value: object) -> object:
    return None if value == "none" else _share(value)


def _refuse_yes_or_no(value: object) -> None:
    """Refuse a boolean, which would otherwise count as 0 or 1."""
    if isinstance(value, bool):
        raise ValueError("yes or no is not a number")


def said_duration(value: timedelta) -> str:
    """Write a duration as service files do, in the largest unit that divides it: `90s`, `2h`."""
    for unit in ("d", "h", "m", "s"):
        number, rest = divmod(value, timedelta(seconds=_UNITS[unit]))
        if not rest:
            return f"{number}{unit}"
    return f"{value / timedelta(milliseconds=1)}ms".replace(".0ms", "ms")


_DURATION_SCHEMA = {
    "type": ["string", "number"],
    "pattern": r"^\d+(\.\d+)?(ms|s|m|h|d)$",
    "minimum": 0,
}
_SHARE_SCHEMA = {
    "type": ["string", "number"],
    "pattern": r"^\d+(\.\d+)?\s*%$",
    "minimum": 0,
    "maximum": 1,
}
Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    AfterValidator(_within_a_year),
    PlainSerializer(said_duration, when_used="json"),
    WithJsonSchema(_DURATION_SCHEMA),
]
Positive = Annotated[Duration, AfterValidator(_not_nothing)]
Share = Annotated[float, BeforeValidator(_share), Field(ge=0, le=1), WithJsonSchema(_SHARE_SCHEMA)]
Coverage = Annotated[
    Annotated[float, Field(gt=0, lt=1)] | None,
    BeforeValidator(_coverage),
    WithJsonSchema({"anyOf": [_SHARE_SCHEMA, {"enum": ["none", None]}]}),
]
"""A share of the rows, or `none`."""


def _cell(value: object) -> object:
    if isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise ValueError("must be a number, a text, or true or false")


Cell = Annotated[
    Any, BeforeValidator(_cell), WithJsonSchema({"type": ["string", "number", "boolean"]})
]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Kind(StrEnum):
    """What a service's model answers with."""

    CLASSIFICATION = "classification"
    REGRESSION = "regression"
    CAUSAL = "causal"
    BENTO = "bento"


class ResourceSpec(_Section):
    """What one Revision may use."""

    cpu: Annotated[float, Field(gt=0, le=256)] = 1.0
    """CPU cores."""
    memory: Annotated[str, Field(pattern=r"^\d+(Mi|Gi)$")] = "1Gi"
    """Memory, as `512Mi` or `2Gi`."""
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    """Processes that answer requests."""

    @property
    def memory_mib(self) -> int:
        """Memory in MiB."""
        number, unit = int(self.memory[:-2]), self.memory[-2:]
        return number * (1024 if unit == "Gi" else 1)


class InferenceSpec(_Section):
    """What computes the answers."""

    engine: Literal["auto", "onnx", "native"] = "auto"
    """auto: ONNX Runtime where it agrees with the model; onnx: only that; native: the model."""
    tolerance: Annotated[float, Field(gt=0, le=0.01)] = 1e-5
    """How far ONNX Runtime may be off: in probabilities, and relative to other numbers."""
    precision: Literal["float64", "float32", "float16", "int8"] = "float64"
    """What ONNX Runtime computes in where that keeps within the tolerance; else it's float64."""
    interval: Coverage = 0.9
    """regression: the share of rows that a plain model's interval holds, or none."""

    @field_validator("precision")
    @classmethod
    def _goes_with_a_compiled_model(cls, precision: str, info: ValidationInfo) -> str:
        if precision != "float64" and info.data.get("engine") == "native":
            raise ValueError("a native model computes as it was logged; write `engine: auto`")
        return precision


class TimeoutSpec(_Section):
    """How long the router waits."""

    request: Positive = timedelta(seconds=5)
    """For the whole request, all tries together."""
    per_try: Annotated[Positive, Field(validate_default=True)] = timedelta(seconds=1)
    """For one try; must be longer than a real inference takes."""

    @field_validator("per_try")
    @classmethod
    def _fits_into_the_request(cls, per_try: timedelta, info: ValidationInfo) -> timedelta:
        if "request" in info.data and per_try > info.data["request"]:
            raise ValueError("must not be longer than timeouts.request")
        return per_try


class FeastSpec(_Section):
    """Feast's feature server, and what it is asked for: one of the last two."""

    url: Annotated[str, Field(pattern=r"^https?://")]
    """Where it answers, such as http://127.0.0.1:6566."""
    feature_service: str | None = None
    """A feature service whose features have the names of the columns."""
    references: Annotated[tuple[str, ...], Field(validate_default=True)] = ()
    """Instead of a feature service: the feature of each column, as `view:column`."""

    @field_validator("references")
    @classmethod
    def _is_instead(cls, references: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if "feature_service" in info.data:
            _one_of(feature_service=info.data["feature_service"], references=references)
        return references


class FeatureStoreSpec(_Section):
    """Where features are looked up: one of these."""

    feast: FeastSpec | None = None
    """Feast, through its Python feature server."""
    file: Annotated[str | None, Field(validate_default=True, pattern=r"^/")] = None
    """The absolute path of a JSON list of records, which each server holds in memory."""

    @field_validator("file")
    @classmethod
    def _is_instead(cls, file: str | None, info: ValidationInfo) -> str | None:
        if "feast" in info.data:
            _one_of(feast=info.data["feast"], file=file)
        return file


class FeaturesSpec(_Section):
    """What callers may leave to an online store, and send a key for."""

    entity: Annotated[str, Field(min_length=1)]
    """The name under which callers send the key; in Feast, the join key."""
    entity_type: Literal["integer", "text"] = "integer"
    """What a key is."""
    columns: Annotated[tuple[str, ...], Field(min_length=1)]
    """The columns that are looked up where they aren't sent."""
    store: FeatureStoreSpec
    """Where they are looked up."""
    timeout: Positive = timedelta(milliseconds=50)
    """How long a request may wait for the store."""
    defaults: dict[str, Cell] = {}
    """By column, what it is when the store has no value, is late or is down."""

    @field_validator("columns")
    @classmethod
    def _are_different(cls, columns: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(columns)) < len(columns):
            raise ValueError("must name each column once")
        return columns

    @field_validator("store")
    @classmethod
    def _has_the_columns(cls, store: FeatureStoreSpec, info: ValidationInfo) -> FeatureStoreSpec:
        references = store.feast.references if store.feast else ()
        named = sorted(name.partition(":")[2] for name in references)
        if named and "columns" in info.data and named != sorted(info.data["columns"]):
            raise ValueError("references must have one `view:column` for each of columns")
        return store

    @field_validator("defaults")
    @classmethod
    def _are_of_columns(cls, defaults: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        unknown = set(defaults) - set(info.data.get("columns", defaults))
        if unknown:
            raise ValueError(f"{min(unknown)} is not one of columns")
        return defaults


def _one_of(**given: object) -> None:
    """Refuse none of two settings, and both."""
    if sum(map(bool, given.values())) != 1:
        raise ValueError(f"name either {' or '.join(given)}")


class SmokeCase(_Section):
    """One golden request that a candidate must answer before it sees traffic."""

    name: Annotated[str, Field(min_length=1)]
    """What the case shows."""
    path: Annotated[str, Field(pattern=r"^/")] = "/predict"
    """Where it is posted."""
    body: dict[str, Any]
    """The JSON body."""
    status: Annotated[int, Field(ge=100, le=599)] = 200
    """The HTTP status that must come back."""
    fields: tuple[str, ...] = ()
    """Keys that the JSON answer must have."""


class ErrorObjective(_Section):
    """The promise about failed requests: 5xx, resets and timeouts of the Revision itself."""

    margin: Annotated[Share, Field(gt=0, lt=1)] = 0.01
    """A candidate whose error rate is at least this much above stable's is never promoted."""
    tolerance: Annotated[Share, Field(lt=1)] = 0.0
    """A candidate is rolled back once its error rate is surely above stable's plus this."""
    ceiling: Annotated[Share, Field(gt=0, lt=1)] = 0.05
    """After promotion, with no stable beside it, more errors than this roll back."""


class Rollout(_Section):
    """How the candidate's share grows, and what ends the ramp."""

    strategy: Literal["adaptive", "steps", "direct"] = "adaptive"
    """adaptive: the share follows the evidence; steps: the given weights; direct: after smoke."""
    weights: tuple[Annotated[Share, Field(gt=0, lt=1)], ...] = (0.05, 0.25, 0.5)
    """The shares of the `steps` strategy, growing."""
    step_looks: Annotated[int, Field(ge=1)] = 5
    """Looks at each weight of the `steps` strategy before the next."""
    look_every: Positive = timedelta(seconds=10)
    """Time between two looks of the analysis."""
    harm_budget: Annotated[float, Field(gt=0)] = 40.0
    """Bad answers that a bad candidate may cost, expected, before it is found (adaptive)."""
    max_share: Annotated[Share, Field(gt=0, lt=1)] = 0.5
    """The candidate's largest share before promotion."""
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    """The probability of a wrong verdict, however often the analysis looks."""
    deadline: Positive = timedelta(minutes=30)
    """The longest the ramp may take."""
    at_deadline: Literal["rollback", "inconclusive"] = "rollback"
    """What happens when the evidence does not suffice by then."""
    approval: bool = False
    """Whether a person approves before promotion."""
    approval_timeout: Positive = timedelta(hours=24)
    """How long to wait for that person before rolling back."""

    @field_validator("weights")
    @classmethod
    def _weights_grow(cls, weights: tuple[float, ...]) -> tuple[float, ...]:
        if list(weights) != sorted(set(weights)) or not weights:
            raise ValueError("must be at least one share, each larger than the one before")
        return weights


class MetricGate(_Section):
    """What a metric of the model version must be; larger is better unless said."""

    name: str
    """The metric's name in the MLflow run."""
    floor: float | None = None
    """The least acceptable value (the greatest, when smaller is better)."""
    slack: float | None = None
    """How much worse than the champion's it may be; None: not compared."""
    smaller_is_better: bool = False
    """True for errors and losses."""


class ValidationSpec(_Section):
    """What a model version must pass before it is packaged."""

    suite: str | None = None
    """The Great Expectations suite for the evaluation data, in include/expectations/ (no .json)."""
    target: str
    """The column of the evaluation data that holds the truth."""
    metrics: tuple[MetricGate, ...] = ()
    """The metrics' floors, and how they may compare with the champion."""


class Service(_Section):
    """One name that users call, and everything Tiffin needs to deliver models to it."""

    name: Annotated[str, Field(pattern=_NAME)]
    """Lower-case letters, digits and dashes."""
    description: str = ""
    """One sentence for people."""
    model: Annotated[str, Field(min_length=1)]
    """The registered model's name in MLflow."""
    kind: Kind
    """What the model answers with."""
    bento: Annotated[str | None, Field(validate_default=True)] = None
    """For kind `bento`: the folder with your own service.py, relative to the project."""
    target: Literal["local"] = "local"
    """Where Revisions run."""
    port: Annotated[int, Field(ge=1024, le=65535)]
    """Where callers reach the service."""
    resources: ResourceSpec = ResourceSpec()
    """What one Revision may use."""
    inference: InferenceSpec = InferenceSpec()
    """What computes the answers."""
    protocols: tuple[Literal["predict"], ...] = ("predict",)
    """The ways of asking that the service answers."""
    timeouts: TimeoutSpec = TimeoutSpec()
    """How long the router waits."""
    features: Annotated[FeaturesSpec | None, Field(validate_default=True)] = None
    """What callers may leave to an online store, and send a key for."""
    sticky_header: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")] | None = None
    """Callers who send the same value in this header stay on one Revision."""
    smoke: Annotated[tuple[SmokeCase, ...], Field(min_length=1)]
    """Golden requests."""
    objective: ErrorObjective = ErrorObjective()
    """The promise about failed requests."""
    rollout: Rollout = Rollout()
    """How a candidate gets traffic."""
    validation: ValidationSpec
    """What a version must pass first."""
    rollback_window: Duration = timedelta(hours=1)
    """How long the previous Revision is kept warm after a promotion."""
    watch: Annotated[Duration, Field(validate_default=True)] = timedelta(minutes=5)
    """How long the analysis goes on after a promotion."""
    deployers: Annotated[tuple[str, ...], Field(min_length=1)] = ("*",)
    """Airflow users who may deploy it (`*`: all who may trigger DAGs; `webhook`: the registry)."""

    @field_validator("bento")
    @classmethod
    def _goes_with_kind_bento(cls, bento: str | None, info: ValidationInfo) -> str | None:
        if "kind" in info.data and (info.data["kind"] is Kind.BENTO) != (bento is not None):
            raise ValueError("a folder here goes with `kind: bento`, and only with it")
        return bento

    @field_validator("features")
    @classmethod
    def _can_be_looked_up(
        cls, features: FeaturesSpec | None, info: ValidationInfo
    ) -> FeaturesSpec | None:
        if features is None:
            return None
        if info.data.get("kind") is Kind.BENTO:
            raise ValueError("not for kind `bento`, whose own code reads the requests")
        if "timeouts" in info.data and features.timeout >= info.data["timeouts"].per_try:
            raise ValueError("timeout must be shorter than timeouts.per_try")
        return features

    @field_validator("watch")
    @classmethod
    def _fits_into_the_rollback_window(cls, watch: timedelta, info: ValidationInfo) -> timedelta:
        if "rollback_window" in info.data and watch > info.data["rollback_window"]:
            raise ValueError("must not be longer than rollback_window")
        return watch
