"""What compiles to ONNX Runtime, how far it is off, and what it spares: time, start and memory.

    python -m benchmarks.bench_conversion                      one JSON document
    python -m benchmarks.bench_conversion --markdown           the table of docs/serving-models.md
    python -m benchmarks.bench_conversion --only RandomForest  models whose names begin so

In one process, on one thread: no server, no JSON. Each model answers 1 row and 100 rows in rounds,
native and compiled by turns; what counts is the CPU time of a call in the best round, since a
machine that is shared can only add to it. Starts are measured in processes of their own.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from threadpoolctl import threadpool_limits

from benchmarks.machine import machine
from examples.recipes import RECIPES, TrainedModel
from serving.conversion.conversion import convert
from serving.runtime.engines.engine import Engine
from serving.runtime.engines.native import NativeEngine
from serving.runtime.engines.onnx import OnnxEngine
from serving.runtime.identity import ModelKind
from serving.runtime.model_files import LoadedModel, load_model
from serving.runtime.offline_predict import read_rows
from serving.runtime.rows import Rows
from tests.serving.conversion.zoo import ZOO, cells_of, loaded

TOLERANCE = 1e-5
ROUNDS = 5
_ROUND_S = 0.04
_MANY = 100
_STARTS = 5
_EXAMPLE_KINDS = {
    "credit-risk": ModelKind.CLASSIFICATION,
    "house-prices": ModelKind.REGRESSION,
    "job-training": ModelKind.CAUSAL,
}
_STARTED = ("credit-risk:v1", "credit-risk:v3", "house-prices:v1", "job-training:v1")

Fitted = tuple[LoadedModel, list[list[Any]]]


@dataclass(frozen=True, slots=True)
class Subject:
    """A kind of model, fitted when it is asked for, with rows that it was not fitted on."""

    name: str
    kind: ModelKind
    fitted: Callable[[], Fitted]


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of one kind of model; times in CPU microseconds."""

    name: str
    engine: str
    reason: str
    worst_difference: float | None
    native_1: float
    compiled_1: float | None
    native_100: float
    compiled_100: float | None

    @property
    def as_markdown(self) -> str:
        """One line of the table."""
        off = "stays native"
        if self.worst_difference is not None and self.compiled_1 is not None:
            off = f"{self.worst_difference:.0e}"
        one = _arrow(self.native_1, self.compiled_1)
        return f"| {self.name} | {off} | {one} | {_arrow(self.native_100, self.compiled_100)} |"


def _arrow(native: float, compiled: float | None) -> str:
    return f"{native:,.0f}" + ("" if compiled is None else f" → {compiled:,.0f}")


def subjects() -> Iterator[Subject]:
    """Yield the examples, the forest that everybody measures, and the zoo."""
    for model, recipes in RECIPES.items():
        for recipe, train in recipes.items():
            yield Subject(f"{model} {recipe}", _EXAMPLE_KINDS[model], partial(_example, train))
    forest = "RandomForestClassifier, 100 trees of depth 12"
    yield Subject(forest, ModelKind.CLASSIFICATION, _forest)
    for name, specimen in ZOO.items():
        yield Subject(name, specimen.kind, specimen.fitted)


def _example(train: Callable[[], TrainedModel]) -> Fitted:
    trained = train()
    return loaded(trained.estimator, trained.features), cells_of(trained.features)


def _forest() -> Fitted:
    features, truth = make_classification(4000, 20, n_informative=10, random_state=0)
    forest = RandomForestClassifier(100, max_depth=12, random_state=0)
    forest.fit(features[:3000], truth[:3000])
    return loaded(forest, features), features[3000:].tolist()


def measure(subject: Subject) -> Measured:
    """Fit, compile, compare and time one kind of model."""
    model, cells = subject.fitted()
    with tempfile.TemporaryDirectory() as folder:
        report = convert(model, subject.kind, cells, TOLERANCE, Path(folder))
        engines: list[Engine] = [NativeEngine(model, subject.kind)]
        if report.engine == OnnxEngine.name:
            engines.append(OnnxEngine(Path(folder)))
        native_1, *compiled_1 = microseconds(engines, cells[:1])
        native_100, *compiled_100 = microseconds(engines, cells[:_MANY])
    found = [each.worst_difference for each in report.compared.values()]
    return Measured(
        name=subject.name,
        engine=report.engine,
        reason=report.reason,
        worst_difference=max((each for each in found if each is not None), default=None),
        native_1=native_1,
        compiled_1=next(iter(compiled_1), None),
        native_100=native_100,
        compiled_100=next(iter(compiled_100), None),
    )


def microseconds(engines: list[Engine], cells: list[list[Any]]) -> list[float]:
    """Return what the rows cost each engine, by turns, in the best round."""
    rounds = [[_round(engine, cells) for engine in engines] for _ in range(ROUNDS)]
    return [round(min(times), 1) for times in zip(*rounds, strict=True)]


def _round(engine: Engine, cells: list[list[Any]]) -> float:
    """Return the CPU time of one call: the others who use this machine don't count in it."""
    calls, deadline = 0, time.perf_counter() + _ROUND_S
    began = time.process_time_ns()
    while not calls or time.perf_counter() < deadline:
        engine.outputs(Rows(cells=cells))
        calls += 1
    return (time.process_time_ns() - began) / calls / 1000


# Starts

_START = """
import sys, time
began = time.perf_counter()
from pathlib import Path
from serving.runtime.engines.open import open_engine
from serving.runtime.identity import ModelKind
from serving.runtime.model_files import read_facts
from serving.runtime.settings import ServerSettings
artifact = Path(sys.argv[1])
engine = open_engine(artifact, ModelKind(sys.argv[2]), ServerSettings())
engine.outputs(read_facts(artifact).example)
taken = time.perf_counter() - began
pages = int(Path("/proc/self/statm").read_text().split()[1])
print(engine.name, taken, time.process_time(), pages * 4096 / 2**20)
"""


@dataclass(frozen=True, slots=True)
class Start:
    """From a started Python to the first answer."""

    name: str
    engine: str
    seconds: float
    cpu_seconds: float
    memory_mib: float


def starts() -> Iterator[Start]:
    """Start each example native and compiled, by turns."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tests.serving.save_artifacts", folder, *_STARTED]
        subprocess.run(command, check=True, capture_output=True)
        for name in _STARTED:
            kind = _EXAMPLE_KINDS[name.partition(":")[0]]
            place = Path(folder) / name.replace(":", "-")
            yield from _starts(name, kind, place)


def _starts(name: str, kind: ModelKind, place: Path) -> Iterator[Start]:
    native, compiled = place / "model", place / "compiled"
    shutil.copytree(native, compiled)
    model = load_model(native)
    cells = read_rows(place / "data.csv", model.signature).cells
    convert(model, kind, cells, TOLERANCE, compiled)
    rounds = [
        [_start(name, kind, artifact) for artifact in (native, compiled)] for _ in range(_STARTS)
    ]
    for started in zip(*rounds, strict=True):
        yield min(started, key=lambda each: each.seconds)


def _start(name: str, kind: ModelKind, artifact: Path) -> Start:
    command = [sys.executable, "-c", _START, str(artifact), kind.value]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    engine, *numbers = done.stdout.split()
    seconds, cpu, memory = (float(number) for number in numbers)
    return Start(name, engine, round(seconds, 3), round(cpu, 3), round(memory, 1))


def main() -> int:
    """Measure what was asked for and print it; progress goes to stderr."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--markdown", action="store_true", help="print the table only")
    parser.add_argument("--only", default="", help="models whose names begin so, and no starts")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")  # models that don't converge, and overflows of odd rows
    looked = machine()
    measured = []
    with threadpool_limits(1):  # more would only wait for each other on a row
        for subject in subjects():
            if subject.name.startswith(asked.only):
                print(subject.name, file=sys.stderr)
                measured.append(measure(subject))
    if asked.markdown:
        print("\n".join(each.as_markdown for each in measured))
        return 0
    document: dict[str, Any] = {"machine": looked, "models": [asdict(each) for each in measured]}
    if not asked.only:
        document["starts"] = [asdict(each) for each in starts()]
    print(json.dumps(document, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
