"""Makes the virtual environments of the peers, below `.bench/venvs`.

    python -m benchmarks.serving.environments [--lock] [PEER ...]

Their packages are pinned with hashes in `peers/*.txt`; `--lock` compiles those from `peers/*.in`
anew. Nothing of theirs reaches Tiffin's own environment.
"""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.environments import UV, ensure_environment, folder_of

ENVIRONMENTS = ("bentoml", "mlflow", "mlserver", "kserve", "litserve", "ray")
_PINS = Path(__file__).resolve().parent / "peers"


def python_of(peer: str) -> Path:
    """Return the interpreter of a peer's environment."""
    return folder_of(peer) / "bin" / "python"


def ensure_environments(peers: Iterable[str]) -> None:
    """Make what is missing or was pinned anew; twice is once."""
    for peer in peers:
        ensure_environment(peer, _PINS / f"{peer}.txt")


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
        command = [str(UV), "pip", "compile", "--python-version", "3.11", *options, *files]
        subprocess.run(command, check=True, cwd=_PINS)


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
