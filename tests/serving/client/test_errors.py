from __future__ import annotations

import pickle

import pytest

from serving.client import errors
from serving.client.errors import BadRequestError, Circumstances, ClientError

KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, ClientError)
]


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_survives_the_way_between_processes(kind: type[ClientError]) -> None:
    error = kind("a sentence", Circumstances("id", 2, 503, "rows[0]", 1.5, "v1"))
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert (again.sentence, again.circumstances) == (error.sentence, error.circumstances)
    assert str(again) == "a sentence (request id, 2 tries)"


def test_reasons_are_few_words_and_each_its_own() -> None:
    assert len({kind.reason for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_an_outage_is_worth_another_try(kind: type[ClientError]) -> None:
    assert kind.is_worth_repeating or not kind.is_outage


def test_an_error_tells_what_is_known_of_the_call() -> None:
    error = BadRequestError("wrong", Circumstances("id", 1, 400, "features[0].age", None))
    assert (error.request_id, error.tries, error.status) == ("id", 1, 400)
    assert (error.path, error.retry_after_s) == ("features[0].age", None)
    assert str(error) == "wrong (request id)"
