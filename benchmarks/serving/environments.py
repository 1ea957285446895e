"""Makes the virtual environments of the peers, below `.bench/venvs`.

    python -m benchmarks.serving.environments [--lock] [PEER ...]

Their packages are pinned with hashes in `peers/*.txt`; `--lock` compiles those from `peers/*.in`
anew. Nothing of theirs reaches Tiffin's own environment.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
BENCH = PROJECT / ".bench"
ENVIRONMENTS = ("bentoml", "mlflow", "mlserver", "kserve", "litserve", "ray")
_PINS = Path(__file__).resolve().parent / "peers"
_UV = Path(sys.executable).parent / "uv"


def python_of(peer: str) -> Path:
    """Return the interpreter of a peer's environment."""
    return BENCH / "venvs" / peer / "bin" / "python"


def ensure_environments(peers: Iterable[str]) -> None:
    """Make what is missing or was pinned anew; twice is once."""
    for peer in peers:
        stamp, pins = BENCH / "venvs" / peer / ".installed", _PINS / f"{peer}.txt"
        if stamp.is_file() and stamp.read_bytes() == pins.read_bytes():
            continue
        print(f"installing {peer}", file=sys.stderr, flush=True)
        _install(peer, pins)
        stamp.write_bytes(pins.read_bytes())


def _install(peer: str, pins: Path) -> None:
    folder = BENCH / "venvs" / peer
    _uv("venv", "--quiet", "--clear", "--python", sys.executable, str(folder))
    python = str(python_of(peer))
    _uv("pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", str(pins))


def versions(peers: Iterable[str]) -> dict[str, str]:
    """Return which version of each peer is pinned."""
    return {peer: _pinned(peer) for peer in peers}


def _pinned(peer: str) -> str:
    lines = (_PINS / f"{peer}.txt").read_text(encoding="utf-8").splitlines()
    found = (line.split()[0] for line in lines if line.startswith((f"{peer}==", f"{peer}[")))
    return next(found).partition("==")[2]


def lock(peers: Iterable[str]) -> None:
    """Pin the newest packages that the `.in` files allow."""
    for peer in peers:
        options = ("--quiet", "--upgrade", "--generate-hashes", "--no-emit-index-url")
        files = (f"{peer}.in", "-o", f"{peer}.txt")
        _uv("pip", "compile", "--python-version", "3.11", *options, *files)


def _uv(*arguments: str) -> None:
    subprocess.run([str(_UV), *arguments], check=True, cwd=_PINS)


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the environments that were asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("peers", nargs="*", choices=[*ENVIRONMENTS, []], metavar="PEER")
    parser.add_argument("--lock", action="store_true", help="compile the pins anew first")
    asked = parser.parse_args(arguments)
    peers = asked.peers or ENVIRONMENTS
    if asked.lock:
        lock(peers)
    ensure_environments(peers)


if __name__ == "__main__":
    main()
