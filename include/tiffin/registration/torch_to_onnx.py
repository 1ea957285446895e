"""Exports a network to ONNX, and says what torch itself answers: `python -I torch_to_onnx.py JOB`.

It runs in a Python that has torch, which may have nothing of Tiffin: so it imports nothing of it.
The job is a JSON file with `form`, `file`, `rows` (float32, .npy) and `out`, a folder to write
`exported.onnx`, `answers.npy` and `torch.txt` into.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"  # torch.export.load unpickles anything without it

_LONGEST = 200


def main(job_file: str) -> None:
    """Do the job; end with one sentence where that can't be done."""
    job = json.loads(Path(job_file).read_text(encoding="utf-8"))
    try:
        import numpy
        import torch  # type: ignore[import-not-found]  # no part of Tiffin
    except ImportError as missing:
        sys.exit(f"{sys.executable} has no {missing.name}; name a Python that has it with --python")
    out = Path(job["out"])
    rows = torch.from_numpy(numpy.load(job["rows"]))
    network = _read(torch, job)
    numpy.save(out / "answers.npy", _answers(torch, network, rows))
    _export(torch, network, rows, out / "exported.onnx")
    (out / "torch.txt").write_text(str(torch.__version__), encoding="utf-8")


def _read(torch: Any, job: Any) -> Any:
    try:
        if job["form"] == "torchscript":
            return torch.jit.load(job["file"], map_location="cpu").eval()
        return torch.export.load(job["file"])
    except Exception as error:  # noqa: BLE001 (torch has many; the person gets its words)
        sys.exit(f"torch {torch.__version__} can't load it ({_brief(error)})")


def _answers(torch: Any, network: Any, rows: Any) -> Any:
    callable_network = network.module() if hasattr(network, "module") else network
    try:
        with torch.no_grad():
            answers = callable_network(rows)
    except Exception as error:  # noqa: BLE001 (the network is somebody's own code)
        hint = "one of torch.export needs dynamic_shapes=({0: torch.export.Dim('rows')},)"
        asked = f"{len(rows)} rows of {rows.shape[1]} numbers"
        sys.exit(f"the network can't answer {asked} ({_brief(error)}); {hint}")
    if not isinstance(answers, torch.Tensor):
        sys.exit(f"the network answers a {type(answers).__name__}; it has to answer one tensor")
    return answers.numpy()


def _export(torch: Any, network: Any, rows: Any, file: Path) -> None:
    names = {"input_names": ["rows"], "output_names": ["answers"]}
    try:
        if hasattr(network, "module"):
            torch.onnx.export(network, (rows,), file, dynamo=True, external_data=False, **names)
        else:
            axes = {"rows": {0: "count"}, "answers": {0: "count"}}
            torch.onnx.export(network, (rows,), file, dynamo=False, dynamic_axes=axes, **names)
    except ImportError as missing:
        sys.exit(f"torch.onnx needs {missing.name}; {sys.executable} -m pip install {missing.name}")
    except Exception as error:  # noqa: BLE001 (as at loading)
        sys.exit(f"torch can't export it to ONNX ({_brief(error)}); export it yourself")


def _brief(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = lines[-1] if isinstance(error, RuntimeError) and lines else " ".join(lines)
    return f"{type(error).__name__}: {said[:_LONGEST]}"


if __name__ == "__main__":
    main(sys.argv[1])
