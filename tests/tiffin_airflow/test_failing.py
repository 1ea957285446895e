from __future__ import annotations

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from tiffin.errors import (
    FencedError,
    MeasuredBadError,
    RefusedError,
    TiffinError,
    UnavailableError,
    UndecidedError,
)
from tiffin_airflow.failing import airflow_failures


def failed_with(error: Exception) -> Exception:
    with pytest.raises(Exception) as raised, airflow_failures():  # noqa: PT011
        raise error
    return raised.value


@pytest.mark.parametrize("kind", [RefusedError, MeasuredBadError, FencedError, UndecidedError])
def test_what_asking_again_will_not_change_fails_for_good(kind):
    failure = failed_with(kind("it is bad; do this", code="bad"))
    assert isinstance(failure, AirflowFailException)
    assert str(failure) == "it is bad; do this [bad]"


def test_what_may_succeed_later_is_tried_again():
    failure = failed_with(UnavailableError("it is down; wait", code="down"))
    assert isinstance(failure, AirflowException)
    assert not isinstance(failure, AirflowFailException)


def test_what_nobody_foresaw_is_tried_again_as_it_is():
    assert type(failed_with(KeyError("x"))) is KeyError


def test_every_branch_of_the_errors_is_decided():
    branches = {kind.__name__ for kind in TiffinError.__subclasses__()}
    assert branches >= {"RefusedError", "UnavailableError", "FencedError", "UndecidedError"}
    retried = {kind.__name__ for kind in TiffinError.__subclasses__() if kind.retryable}
    assert retried == {"UnavailableError"}
