"""The template of a regression service.

Answers with values, and intervals where the model knows them:

    svc = RegressionService.create(model="sales_model:latest", name="sales-prediction")
"""

from __future__ import annotations

from serving.runtime.identity import ModelKind
from serving.services.tabular import TabularTemplate


class RegressionService(TabularTemplate):
    """Makes BentoML services of models for regression."""

    kind = ModelKind.REGRESSION
