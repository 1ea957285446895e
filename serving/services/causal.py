"""The template of a causal service.

Answers with effects per row and on average, and intervals where the model knows them:

    svc = CausalService.create(model="cate_model:latest", name="treatment-effect")
"""

from __future__ import annotations

from serving.runtime.identity import ModelKind
from serving.services.tabular import TabularTemplate


class CausalService(TabularTemplate):
    """Makes BentoML services of models for causal."""

    kind = ModelKind.CAUSAL
