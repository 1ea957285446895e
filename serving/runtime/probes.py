"""What the probes say: POST /health and /model_info.

BentoML's own /livez, /readyz and /healthz say less and cost less; a load balancer asks those.
"""

from __future__ import annotations

from serving.runtime.predictor import LARGEST_BODY, Predictor, Reply


def health(predictor: Predictor | None) -> Reply:
    """Say whether the model can answer; 503 while it is loading."""
    if predictor is None:
        return Reply(503, {"status": "loading", "model_loaded": False})
    identity = predictor.identity
    return Reply(
        200,
        {
            "status": "healthy",
            "model_loaded": True,
            "model_name": identity.model_name,
            "model_version": identity.model_version,
            "revision": identity.revision,
        },
    )


def model_info(predictor: Predictor) -> Reply:
    """Say which model answers, and what it wants to be sent."""
    identity = predictor.identity
    return Reply(
        200,
        {
            "service": identity.service,
            "model_name": identity.model_name,
            "model_version": identity.model_version,
            "model_type": identity.kind.value,
            "revision": identity.revision,
            "features": list(predictor.columns),
            "largest_body_bytes": LARGEST_BODY,
        },
    )
