"""Finds the saturation point of a running service, and draws its latency over its throughput.

    make load-test                                             the local stack's credit-risk service
    make load-test ARGS="--url http://127.0.0.1:3002 --body-file bodies.jsonl"

Without a stack it starts a server with an example's model, and asks that. Locust sends the load;
it lives in an environment of its own below `.bench`. What isn't an option here goes to Locust.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.environments import BENCH, PROJECT, ensure_environment
from benchmarks.example_server import CORES, example_server
from serving.loadtest import curve
from tiffin.home import TiffinHome
from tiffin.services.catalog import load_service

LOADTEST = PROJECT / "serving" / "loadtest"
SERVICE = PROJECT / "include" / "services" / "credit-risk.yaml"


@dataclass(frozen=True)
class Aim:
    """Who is asked, and with what."""

    host: str
    path: str
    body_file: Path | None = None
    headers: dict[str, str] = field(default_factory=dict)
    cores: frozenset[int] = frozenset()
    """Where the generator has to stay; anywhere when there are none."""

    def options(self) -> list[str]:
        """Return what Locust is told about it."""
        headers = [f"--header={name}:{value}" for name, value in self.headers.items()]
        bodies = [f"--body-file={self.body_file}"] if self.body_file else []
        return [f"--host={self.host}", f"--path={self.path}", *headers, *bodies]


def main(arguments: Sequence[str] | None = None) -> int:
    """Load, print and draw."""
    parser = _parser()
    asked, rest = parser.parse_known_args(arguments)
    body_file = asked.body_file and asked.body_file.resolve()
    try:
        given = aim_of(asked.url, asked.model, body_file) if asked.url else None
    except ValueError as error:
        parser.error(str(error))
    asked.out.mkdir(parents=True, exist_ok=True)
    steps = asked.out.resolve() / "steps.json"
    steps.unlink(missing_ok=True)
    with nullcontext(given) if given else _local_aim(body_file) as aim:
        _load(aim, steps, rest)
    return _draw(steps) if steps.exists() else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make load-test", description=__doc__.partition("\n")[0])
    parser.add_argument("--url", help="a service, or the whole path to POST to")
    parser.add_argument("--model", help="one of several models of that service")
    parser.add_argument("--body-file", type=Path, help=".json: one body; .jsonl: one per line")
    parser.add_argument("--out", type=Path, default=BENCH / "load-test", help="JSON and pictures")
    return parser


@contextmanager
def _local_aim(body_file: Path | None) -> Iterator[Aim]:
    """Yield the stack's service, or a server that ends with the block."""
    gateway = _gateway()
    with tempfile.TemporaryDirectory() as scratch:
        bodies = body_file or Path(scratch) / "bodies.jsonl"
        if gateway is not None:
            if not body_file:
                bodies.write_text(json.dumps(load_service(SERVICE).smoke[0].body))
            yield Aim(gateway, "/predict", bodies)
            return
        print("no stack is up; starting a server with the credit-risk example", flush=True)
        with example_server() as example:
            if not body_file:
                bodies.write_bytes(b"\n".join(example.bodies))
            yield Aim(example.url, "/predict", bodies, example.headers, CORES.generator)


def aim_of(url: str, model: str | None, body_file: Path | None) -> Aim:
    """Return whom a URL and a model name mean; a path in the URL is taken as it is.

    Raises ValueError for what is no URL.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError(f"{url} is no URL; give one such as http://127.0.0.1:3001")
    usual = f"/{model}/predict" if model else "/predict"
    path = parts.path if parts.path.strip("/") else usual
    return Aim(f"{parts.scheme}://{parts.netloc}", path, body_file)


def _gateway() -> str | None:
    """Return where the local stack serves credit-risk; None when it doesn't."""
    port = load_service(SERVICE).port + TiffinHome.from_environment().port_offset
    url = f"http://127.0.0.1:{port}"
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=2):
            return url
    except OSError:
        return None


def _load(aim: Aim, steps: Path, more: Sequence[str]) -> None:
    locust = ensure_environment("locust", LOADTEST / "locust.txt") / "bin" / "locust"
    print(f"asking {aim.host}{aim.path}", flush=True)
    quiet = ["--headless", "--only-summary", "--loglevel=ERROR", "--exit-code-on-error=0"]
    command = [str(locust), "-f", str(LOADTEST / "locustfile.py"), *aim.options(), *quiet]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    pin = (lambda: os.sched_setaffinity(0, aim.cores)) if aim.cores else None
    told = [f"--steps-file={steps}", *more]
    subprocess.run([*command, *told], env=environment, cwd=PROJECT, check=False, preexec_fn=pin)


def _draw(steps: Path) -> int:
    pictures = [steps.with_name(f"curve.{suffix}") for suffix in ("svg", "png")]
    for picture in pictures:
        curve.main([str(steps), "--out", str(picture)])
    print(", ".join(map(str, (steps, *pictures))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
