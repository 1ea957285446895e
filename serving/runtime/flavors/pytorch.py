"""What was logged with `mlflow.pytorch`: a TorchScript network, or one of torch.export.

torch is large, so a server has it only where somebody installed it; exported to ONNX, the same
network needs none. A pickled module is not loaded: it may run anything.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from serving.runtime.rows import Rows
from serving.runtime.signature import read_signature

_LACKING = (
    "a network is answered by torch, which is not installed here; pip install torch, or export the "
    "network to ONNX"
)


class TorchModel:
    """A network that answers one number for each row."""

    def __init__(self, torch: Any, network: Any) -> None:
        self._torch = torch
        self._network = network
        weights = next(network.parameters(), None)
        self._dtype = torch.float32 if weights is None else weights.dtype

    def table_of(self, rows: Rows) -> Any:
        """Make of rows what `predict` reads, instead of a DataFrame."""
        return self._torch.from_numpy(rows.matrix).to(self._dtype)

    def predict(self, table: Any) -> np.ndarray:
        """Return one number for each row."""
        answers = self.answers(table)
        if answers.ndim == 2 and answers.shape[1] == 1:
            return answers[:, 0]
        if answers.ndim != 1:
            raise ValueError(f"the network answers {answers.shape}; one value for a row is needed")
        return answers

    def answers(self, table: Any) -> np.ndarray:
        """Return what the network answers, as it is."""
        with self._torch.inference_mode():
            return np.asarray(self._network(table).numpy())


class TorchProbabilities(TorchModel):
    """A network that answers probabilities, of the classes 0, 1, 2, ...: it ends with a softmax."""

    def __init__(self, torch: Any, network: Any, count: int) -> None:
        super().__init__(torch, network)
        self.classes_ = np.arange(count)

    def predict(self, table: Any) -> np.ndarray:
        """Return the most probable class of each row."""
        return np.asarray(np.argmax(self.answers(table), axis=1))

    def predict_proba(self, table: Any) -> np.ndarray:
        """Return a probability for each row and class."""
        return self.answers(table)


def load_estimator(description: Mapping[str, Any], artifact: Path) -> TorchModel:
    """Load the network on the CPU; ValueError where there is no torch, or no network that we load.

    It is asked one made-up row, since only its answer tells how many classes it has.
    """
    try:
        import torch  # type: ignore[import-not-found]  # no part of Tiffin
    except ModuleNotFoundError:
        raise ValueError(_LACKING) from None
    torch.set_num_threads(1)
    folder = artifact / str(description["flavors"]["pytorch"].get("model_data"))
    model = TorchModel(torch, _network(torch, folder))
    row = read_signature(description["signature"]["inputs"]).made_up_row
    answer = model.answers(model.table_of(row))
    if answer.ndim == 2 and answer.shape[1] > 1:
        return TorchProbabilities(torch, model._network, answer.shape[1])
    return model


def _network(torch: Any, folder: Path) -> Any:
    exported, scripted = folder / "model.pt2", folder / "model.pth"
    if exported.is_file():
        os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"  # else it unpickles anything
        return torch.export.load(exported).module()
    try:
        return torch.jit.load(scripted, map_location="cpu").eval()
    except (RuntimeError, ValueError) as error:
        raise ValueError(
            f"{scripted.name} is no TorchScript; log the network with serialization_format='pt2', "
            "or a scripted one"
        ) from error
