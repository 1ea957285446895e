"""An image classifier on torch, with the platform's probes, metrics and drain.

UNPROVEN: written after torchvision's documentation and never run on a GPU. Only that BentoML
takes it as a service is tested.
"""

from __future__ import annotations

from typing import Any

import bentoml
from PIL.Image import Image

from serving.runtime.settings import Device
from serving.services.platform import read_settings, with_platform

SETTINGS = read_settings(max_batch_size=32)


@with_platform(name="image-model", traffic={"timeout": 30}, resources={"gpu": 1})
class ImageModel:
    """Names what is on a picture, with a ResNet-50 in half precision where there is a GPU."""

    def __init__(self) -> None:
        import torch
        from torchvision.models import ResNet50_Weights, resnet50

        on_gpu = SETTINGS.device is not Device.CPU and torch.cuda.is_available()
        self._device = torch.device("cuda" if on_gpu else "cpu")
        self._type = torch.float16 if on_gpu else torch.float32
        if on_gpu:
            torch.cuda.set_per_process_memory_fraction(SETTINGS.gpu_memory_fraction)
        weights = ResNet50_Weights.DEFAULT
        self._labels = weights.meta["categories"]
        self._prepare: Any = weights.transforms()
        self._model: Any = resnet50(weights=weights).eval().to(self._device, self._type)

    @bentoml.api(batchable=True, max_batch_size=SETTINGS.max_batch_size)
    def classify(self, images: list[Image]) -> list[str]:
        """Return one name for each picture."""
        import torch

        batch = torch.stack([self._prepare(image.convert("RGB")) for image in images])
        with torch.inference_mode():
            scores = self._model(batch.to(self._device, self._type))
        return [self._labels[best] for best in scores.argmax(dim=1).tolist()]
