"""Labels or numbers: what a model answers that does not say so itself, as a pyfunc."""

from __future__ import annotations

from typing import Any

from tiffin.registration.refusals import bad_sample, model_fails
from tiffin.registration.sample import Sample, examples_of
from tiffin.services.spec import Kind


def kind_by_answers(estimator: Any, sample: Sample | None) -> Kind:
    """Ask the model a few rows: answers that are all among the truth's values are labels.

    A truth with fractions is numbers, whatever the model answers. RefusedError `bad-sample` where
    there is no truth to go by, `model-fails` where the model does not answer.
    """
    import numpy as np

    if sample is None or sample.columns.truth is None:
        raise bad_sample(
            "the model does not say whether it answers labels or numbers; say so with --kind"
        )
    truth = sample.table[sample.columns.truth]
    if truth.dtype.kind == "f" and not (truth == truth.round()).all():
        return Kind.REGRESSION
    try:
        answers = np.asarray(estimator.predict(examples_of(sample.features)))
    except Exception as error:  # noqa: BLE001 (it is somebody's own code)
        brief = " ".join(str(error).split())[:200]
        raise model_fails(f"the model can't answer the sample ({brief})") from None
    return Kind.CLASSIFICATION if set(answers.ravel().tolist()) <= set(truth) else Kind.REGRESSION
