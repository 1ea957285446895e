"""What the one who runs a model server may set, read from the environment.

The names without a prefix are those that people set on their model servers already.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any


class Device(StrEnum):
    """Where models compute; `auto` takes a GPU where there is one."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"
    TENSORRT = "tensorrt"


class BadSettingError(ValueError):
    """A variable of the environment can't be read; the sentence names it and says what to set."""


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """All settings of one model server."""

    workers: int = 1
    """Processes that answer; each has its own models in memory."""
    max_body_bytes: int = 1024 * 1024
    """A larger request body is refused with 413; the gateway can't repeat more than the default."""
    keys_file: Path | None = None
    """API keys, hashed; without it everybody may ask and nobody may administer."""
    models_folder: Path | None = None
    """Artifacts below it may be loaded over the admin API by their path."""
    state_folder: Path | None = None
    """Where it's kept which models were loaded over the admin API; without it nowhere."""
    drain_seconds: float = 3.0
    """How long a server that was told to stop answers on while its readiness probe says no."""
    stop_seconds: float = 30.0
    """How long requests in flight may take after that before they are cut off."""
    keep_alive_seconds: int = 120
    """How long an idle connection stays open; longer than the callers' own limit loses nothing."""
    log_level: str = "INFO"
    log_requests: bool = False
    """Whether good requests get a log line, too."""
    device: Device = Device.AUTO
    gpu_memory_fraction: float = 0.9
    """The share of the GPU's memory that this server may take."""
    engine_cache: Path | None = None
    """Where TensorRT's engines are kept; without it below the user's own cache folder."""
    threads: int = 1
    """Threads of ONNX Runtime for each model in each process."""
    max_batch_size: int = 256
    """The most rows that the model is asked for at once."""
    batch_timeout_ms: float = 0.0
    """How long a batch may wait to grow; 0 takes what queued during the call before it."""
    max_queue_seconds: float = 0.5
    """Requests that those before them would keep waiting for longer are shed with 429."""
    max_queue_bytes: int = 64 * 2**20
    """How much the requests that wait for a model may take in memory; more are shed with 429."""
    explain: bool = True
    """Whether predictions are explained on request, in a process of its own."""
    features_file: Path | None = None
    """What callers may leave to an online store, by key; without it they send all columns."""

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ, **defaults: Any) -> ServerSettings:
        """Read the environment, which wins over `defaults`; BadSettingError for a bad value."""
        given = {
            name: variable.read(environment[variable.name])
            for name, variable in VARIABLES.items()
            if environment.get(variable.name)
        }
        return cls(**{**defaults, **given})


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable: how its text is read, and what to set when it can't be."""

    name: str
    reader: Callable[[str], Any]
    wanted: str

    def read(self, text: str) -> Any:
        """Return the value; raise BadSettingError for a text that has none."""
        try:
            return self.reader(text)
        except (ValueError, KeyError):
            sentence = f"{self.name} is {text[:80]!r}; set it to {self.wanted}"
            raise BadSettingError(sentence) from None


def _whole(name: str, unit: str, least: int, most: int) -> Variable:
    wanted = f"whole {unit}, {least} to {most}"
    return Variable(name, lambda text: _within(int(text), least, most), wanted)


def _number(name: str, unit: str, least: float, most: float) -> Variable:
    wanted = f"{unit}, {least} to {most}"
    return Variable(name, lambda text: _within(float(text), least, most), wanted)


def _within(value: Any, least: float, most: float) -> Any:
    if not least <= value <= most:
        raise ValueError
    return value


_SWITCH = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}
_LEVELS = {"debug": "DEBUG", "info": "INFO", "warning": "WARNING", "error": "ERROR"}
_GIBIBYTE = 2**30

VARIABLES: Mapping[str, Variable] = {
    "workers": _whole("TIFFIN_WORKERS", "processes", 1, 64),
    "max_body_bytes": _whole("TIFFIN_MAX_BODY_BYTES", "bytes", 1, _GIBIBYTE),
    "keys_file": Variable("TIFFIN_KEYS_FILE", Path, "the path of a file"),
    "models_folder": Variable("TIFFIN_MODELS_FOLDER", Path, "the path of a folder"),
    "state_folder": Variable("TIFFIN_STATE_FOLDER", Path, "the path of a folder"),
    "drain_seconds": _number("TIFFIN_DRAIN_SECONDS", "seconds", 0, 3600),
    "stop_seconds": _number("TIFFIN_STOP_SECONDS", "seconds", 0, 3600),
    "keep_alive_seconds": _whole("TIFFIN_KEEP_ALIVE_SECONDS", "seconds", 1, 3600),
    "log_level": Variable(
        "LOG_LEVEL", lambda text: _LEVELS[text.lower()], "DEBUG, INFO, WARNING or ERROR"
    ),
    "log_requests": Variable(
        "TIFFIN_LOG_REQUESTS", lambda text: _SWITCH[text.lower()], "true or false"
    ),
    "device": Variable("DEVICE", lambda text: Device(text.lower()), "auto, cpu, cuda or tensorrt"),
    "gpu_memory_fraction": _number("GPU_MEMORY_FRACTION", "a share", 0.01, 1),
    "engine_cache": Variable("TIFFIN_ENGINE_CACHE", Path, "the path of a folder"),
    "threads": _whole("TIFFIN_THREADS", "threads", 1, 64),
    "max_batch_size": _whole("MAX_BATCH_SIZE", "rows", 1, 1_000_000),
    "batch_timeout_ms": _number("BATCH_TIMEOUT_MS", "milliseconds", 0, 10_000),
    "max_queue_seconds": _number("MAX_QUEUE_SECONDS", "seconds", 0.001, 3600),
    "max_queue_bytes": _whole("MAX_QUEUE_BYTES", "bytes", 1, 1024 * _GIBIBYTE),
    "explain": Variable("TIFFIN_EXPLAIN", lambda text: _SWITCH[text.lower()], "on or off"),
    "features_file": Variable("TIFFIN_FEATURES_FILE", Path, "the path of a file"),
}
"""The variable of each setting; docs/serving.md explains them, and a test compares."""
