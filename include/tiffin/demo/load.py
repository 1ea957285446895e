"""A steady stream of real requests, sent by a process of its own while the story goes on."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tiffin.demo.measures import Answer, Seen
from tiffin.errors import UnavailableError
from tiffin.home import PROJECT

_RATE = 40
_BODIES = 2000
_STOP_S = 20


class SteadyLoad:
    """One load; `seen` is there once it has been stopped."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url, self._folder = url, folder
        self._summary, self._csv = folder / "load.json", folder / "load.csv"
        self.seen = Seen(0, 0, ())

    @contextmanager
    def running(self) -> Iterator[None]:
        """Send requests while the block runs; then read what became of each."""
        for old in (self._summary, self._csv):
            old.unlink(missing_ok=True)
        process = subprocess.Popen(
            self._command(), cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
        self.seen = self._read()

    def _command(self) -> tuple[str, ...]:
        return (
            *(sys.executable, "-m", "serving.loadtest.steady_load", f"{self._url}/predict"),
            *("--rate", str(_RATE), "--body-file", str(_bodies(self._folder))),
            *("--summary", str(self._summary), "--csv", str(self._csv)),
        )

    def _read(self) -> Seen:
        if not (self._summary.exists() and self._csv.exists()):
            raise UnavailableError(
                f"the load on {self._url} ended without a summary; free some memory and try again",
                code="load-lost",
            )
        told = json.loads(self._summary.read_text())
        with self._csv.open(newline="") as file:
            answers = tuple(
                Answer(float(row["unix_s"]), int(row["status"]), row["revision"])
                for row in csv.DictReader(file)
            )
        return Seen(told["requests_sent"], told["requests_failed"], answers)


def _bodies(folder: Path) -> Path:
    """Write request bodies made of real rows; the same ones each time."""
    file = folder / "bodies.jsonl"
    command = (sys.executable, "-m", "examples.live_rows", "credit-risk", "--count", str(_BODIES))
    with file.open("w") as out:
        subprocess.run(command, cwd=PROJECT, stdout=out, check=True)
    return file
