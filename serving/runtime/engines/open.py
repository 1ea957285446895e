"""Opens the engine of an artifact: the compiled model where there is one, else the native one.

Only what is opened is imported: ONNX Runtime starts without scikit-learn and pandas, and the
native engine without ONNX Runtime.
"""

from __future__ import annotations

from pathlib import Path

from serving.runtime.engines.compiled import CompiledFiles, read_report
from serving.runtime.engines.engine import Engine
from serving.runtime.engines.interval import with_interval
from serving.runtime.identity import ModelKind
from serving.runtime.settings import Device, ServerSettings


def open_engine(artifact: Path, kind: ModelKind, settings: ServerSettings) -> Engine:
    """Load the model below `artifact`; reads only.

    Raises ValueError with one sentence for an artifact that is no model, or for a device that is
    not here.
    """
    if CompiledFiles(artifact).graph.is_file():
        return with_interval(_compiled(artifact, settings), artifact)
    return with_interval(_native(artifact, kind), artifact)


def _native(artifact: Path, kind: ModelKind) -> Engine:
    from serving.runtime.engines.native import NativeEngine
    from serving.runtime.model_files import load_model

    return NativeEngine(load_model(artifact), kind)


def _compiled(artifact: Path, settings: ServerSettings) -> Engine:
    import onnxruntime

    from serving.runtime.engines.gpu import gpu_share
    from serving.runtime.engines.onnx import OnnxEngine
    from serving.runtime.engines.providers import providers_for

    available = onnxruntime.get_available_providers()
    graph = CompiledFiles(artifact).graph
    gpu = gpu_share(available, settings.gpu_memory_fraction, graph, settings.engine_cache)
    half = (read_report(artifact) or {}).get("precision") == "float16"
    providers = providers_for(settings.device, available, gpu, half=half)
    if gpu is not None and settings.device is Device.TENSORRT:
        gpu.cache.mkdir(parents=True, exist_ok=True)  # TensorRT makes one level of it only
    return OnnxEngine(artifact, providers, settings.threads)
