"""The template of a classification service.

Answers with labels, and probabilities where the model knows them:

    svc = ClassificationService.create(model="churn_model:latest", name="churn-prediction")
"""

from __future__ import annotations

from serving.runtime.identity import ModelKind
from serving.services.tabular import TabularTemplate


class ClassificationService(TabularTemplate):
    """Makes BentoML services of models for classification."""

    kind = ModelKind.CLASSIFICATION
