"""Are the columns that callers may leave to an online store columns of this model?"""

from __future__ import annotations

from tiffin.services.spec import FeaturesSpec
from tiffin.validation.check import CheckResult, failed, passed
from tiffin.validation.description import Description

NAME = "features by key"


def check_features(description: Description, spec: FeaturesSpec) -> CheckResult:
    """Compare the service file's `features.columns` with the model's signature."""
    if description.inputs is None:
        return failed(NAME, "features by key need a model with named columns; log a DataFrame")
    unknown = [name for name in spec.columns if name not in description.inputs]
    if unknown:
        read = ", ".join(description.inputs)
        return failed(NAME, f"features.columns has {unknown[0]}, but the model reads {read}")
    return passed(NAME, f"{', '.join(spec.columns)} may be looked up by {spec.entity}")
