"""A language model on vLLM, with the platform's probes, metrics and drain.

UNPROVEN: written after vLLM's documentation and never run on a GPU. Only that BentoML takes it
as a service is tested.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator
from typing import Annotated, Any

import bentoml
from pydantic import Field

from serving.services.platform import read_settings, with_platform

MODEL = os.environ.get("LANGUAGE_MODEL", "Qwen/Qwen2.5-0.5B-Instruct")
SETTINGS = read_settings()


@with_platform(name="language-model", traffic={"timeout": 300}, resources={"gpu": 1})
class LanguageModel:
    """Streams the continuation of a prompt; vLLM does the batching, request by request."""

    def __init__(self) -> None:
        from vllm import AsyncEngineArgs, AsyncLLMEngine

        options = AsyncEngineArgs(
            model=MODEL,
            gpu_memory_utilization=SETTINGS.gpu_memory_fraction,
            max_num_seqs=SETTINGS.max_batch_size,
        )
        self._engine: Any = AsyncLLMEngine.from_engine_args(options)

    @bentoml.api
    async def generate(
        self, prompt: str, max_tokens: Annotated[int, Field(ge=1, le=4096)] = 256
    ) -> AsyncIterator[str]:
        """Answer with the text as it comes."""
        from vllm import SamplingParams

        limits = SamplingParams(max_tokens=max_tokens)
        said = 0
        async for output in self._engine.generate(prompt, limits, str(uuid.uuid4())):
            text = output.outputs[0].text
            yield text[said:]
            said = len(text)
