"""A network that only torch can read, as ONNX: a server answers it without torch, which is large.

torch is no part of Tiffin. The export runs in the Python that the person names, confined.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

from tiffin.confined_process import ConfinedProcessError, Limits, run_confined
from tiffin.registration.columns import Reads
from tiffin.registration.recognition import Form
from tiffin.registration.refusals import bad_sample, model_fails
from tiffin.registration.sample import read_sample
from tiffin.registration.staging import StagedModel
from tiffin.services.spec import Kind

_LIMITS = Limits(seconds=300, memory_mib=8192)
_MOST_ROWS = 1000
_SCRIPT = Path(__file__).with_name("torch_to_onnx.py")


def as_onnx(
    staged: StagedModel,
    data: Path | None,
    target: str | None,
    kind: Kind | None,
    python: Path | None,
    scratch: Path,
) -> StagedModel:
    """Return the network as an ONNX file that answers the sample's rows as torch does.

    Raises RefusedError `bad-sample` without rows of numbers, `model-fails` where torch is not to
    be had, or does not export it, or the two disagree.
    """
    folder = scratch / "network"
    folder.mkdir()
    _write_rows(data, target, folder)
    job = {"form": staged.form.value, "file": str(staged.file)}
    job |= {"rows": str(folder / "rows.npy"), "out": str(folder)}
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    interpreter = str(python.absolute()) if python else sys.executable
    _run(staged.name, interpreter, "-I", str(_SCRIPT), str(folder / "job.json"))
    finishing = ("-m", "tiffin.registration.onnx_finishing", str(folder))
    _run(staged.name, sys.executable, *finishing, kind.value if kind else "unknown")
    file = folder / "model.onnx"
    return replace(staged, file=file, form=Form.ONNX, notes=_notes(folder))


def _write_rows(data: Path | None, target: str | None, folder: Path) -> None:
    import numpy as np

    if data is None:
        raise bad_sample(
            "a network does not say what it reads; give rows with --data, and the column with the "
            "truth with --target"
        )
    features = read_sample(data, Reads(), target).features
    texts = [name for name in features.columns if features[name].dtype.kind not in "biuf"]
    if texts:
        raise bad_sample(f"the network reads numbers, and {', '.join(texts)} holds texts")
    np.save(folder / "rows.npy", features.head(_MOST_ROWS).to_numpy(np.float32))


def _run(name: str, *command: str) -> None:
    try:
        run_confined(command, _LIMITS)
    except ConfinedProcessError as failure:
        raise model_fails(f"{name} can't be exported to ONNX: {failure}") from None


def _notes(folder: Path) -> tuple[str, ...]:
    done = json.loads((folder / "finished.json").read_text(encoding="utf-8"))
    torch = (folder / "torch.txt").read_text(encoding="utf-8")
    said = (
        f"exported to ONNX with torch {torch}; it answers {done['rows']} rows as torch does, "
        f"within {done['worst']:.1g}"
    )
    if not done["softmax"]:
        return (said,)
    return said, "the network answers scores, so a softmax was put behind it"
