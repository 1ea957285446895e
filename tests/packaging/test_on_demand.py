"""What a person calls a version; building itself is tested by `tiffin build`."""

from __future__ import annotations

import pytest

from tiffin.errors import RefusedError
from tiffin.packaging.on_demand import Reference


@pytest.mark.parametrize(("text", "reference"), [
    ("churn", Reference("churn")),
    ("churn:3", Reference("churn", version="3")),
    ("churn@champion", Reference("churn", alias="champion")),
    ("./files/churn.yaml:3", Reference("./files/churn.yaml", version="3")),
])  # fmt: skip
def test_a_version_is_named_by_number_or_alias_or_not_at_all(
    text: str, reference: Reference
) -> None:
    assert Reference.of(text) == reference


@pytest.mark.parametrize("text", ["", "churn:", "churn:latest", "churn@", "@champion", ":3"])
def test_anything_else_names_no_version(text: str) -> None:
    with pytest.raises(RefusedError, match="write SERVICE:3, SERVICE@champion"):
        Reference.of(text)
