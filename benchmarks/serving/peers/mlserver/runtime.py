"""MLServer's way to serve what its own runtimes don't: a custom runtime, for ONNX and intervals.

https://docs.seldon.ai/mlserver/user-guide/custom
"""

from __future__ import annotations

from mlserver import MLModel
from mlserver.codecs import NumpyCodec, NumpyRequestCodec
from mlserver.types import InferenceRequest, InferenceResponse

from benchmarks.serving.peers.job import Job
from benchmarks.serving.peers.model import load


class BenchModel(MLModel):
    """Answers tensors or columns with the model's matrix."""

    async def load(self) -> bool:
        """Load the model that the job names."""
        self._answer = load(Job.read())
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Answer all rows."""
        rows = self.decode_request(payload, default_codec=NumpyRequestCodec)
        output = NumpyCodec.encode_output("predict_proba", self._answer(rows))
        return InferenceResponse(model_name=self.name, model_version=self.version, outputs=[output])
