"""Can the truth of a sample be held against what the model answers? Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tiffin.registration.findings import Findings
from tiffin.registration.refusals import bad_sample
from tiffin.services.spec import Kind


def check_truth(findings: Findings, answer: Mapping[str, Any], truth: Sequence[Any]) -> None:
    """Raise RefusedError `bad-sample` when the answers and the truth speak of different things."""
    if findings.kind is Kind.CLASSIFICATION:
        known = set(answer.get("classes") or answer["predictions"])
        if not known & set(truth):
            raise bad_sample(
                f"the model answers {_few(known)}, the truth in {findings.truth} is "
                f"{_few(set(truth))}; write the labels that it was trained with"
            )
    elif findings.kind is Kind.REGRESSION and not all(_is_number(value) for value in truth):
        raise bad_sample(
            f"the model answers numbers, the truth in {findings.truth} is {_few(set(truth))}; name "
            "the right column with --target"
        )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)


def _few(values: set[Any]) -> str:
    shown = ", ".join(str(value) for value in sorted(values, key=str)[:5])
    return shown if len(values) <= 5 else f"{shown}, …"
