from __future__ import annotations

import pytest

from tiffin.cli.exit_codes import exit_code_of_end, exit_code_of_error
from tiffin.errors import (
    FencedError,
    MeasuredBadError,
    RefusedError,
    TiffinError,
    UnavailableError,
    UndecidedError,
)
from tiffin.release.phases import ENDS, Phase


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (RefusedError, 1),
        (MeasuredBadError, 2),
        (UnavailableError, 3),
        (FencedError, 4),
        (UndecidedError, 4),
        (TiffinError, 1),
    ],
)
def test_an_error_has_the_exit_code_of_its_branch(kind: type[TiffinError], code: int) -> None:
    assert exit_code_of_error(kind("a sentence", code="a-code")) == code


def test_only_a_successful_end_exits_with_zero() -> None:
    assert {end for end in ENDS if exit_code_of_end(end) == 0} == {Phase.SUCCESSFUL}
