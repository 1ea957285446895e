"""Tiffin as its users write it: a service made from a template with one call."""

from __future__ import annotations

from benchmarks.serving.peers.job import Job
from serving.services.causal import CausalService
from serving.services.classification import ClassificationService
from serving.services.regression import RegressionService

_TEMPLATES = {
    "classification": ClassificationService,
    "regression": RegressionService,
    "causal": CausalService,
}
_JOB = Job.read()

svc = _TEMPLATES[_JOB.about["kind"]].create(model=f"bench:{_JOB.engine}", name="bench")
