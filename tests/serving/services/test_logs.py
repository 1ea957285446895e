from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from serving.services.logs import (
    SERVING_LOGGER,
    JsonFormatter,
    configure_logs,
    join_other_logs,
    request_id,
)


@pytest.fixture(autouse=True)
def loggers_as_before() -> Iterator[None]:
    logger = logging.getLogger(SERVING_LOGGER)
    before = logger.handlers, logger.propagate, logger.level
    yield
    logger.handlers, logger.propagate = before[0], before[1]
    logger.setLevel(before[2])


def lines_of(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_each_record_is_one_line_of_json_with_its_traceback(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs("INFO")
    configure_logs("INFO")
    log = logging.getLogger("serving.somewhere")
    log.debug("too quiet")
    try:
        raise ValueError("one\ntwo")
    except ValueError:
        log.exception("it failed\nbadly", extra={"fields": {"request_id": "r-1", "rows": 2}})
    (line,) = lines_of(io.StringIO(capsys.readouterr().err))
    assert line["message"] == "it failed\nbadly"
    assert (line["level"], line["request_id"], line["rows"]) == ("error", "r-1", 2)
    assert "ValueError: one\ntwo" in str(line["traceback"])
    assert str(line["time"]).endswith("Z")


def test_bentomls_lines_are_of_the_same_kind_once_the_service_runs() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logger = logging.getLogger("bentoml")
    logger.addHandler(handler)
    try:
        join_other_logs()
        logger.error("a word of BentoML's")
    finally:
        logger.removeHandler(handler)
    assert lines_of(stream)[0]["message"] == "a word of BentoML's"


def test_what_json_does_not_know_is_written_as_text() -> None:
    record = logging.LogRecord("a", logging.INFO, "f", 1, "m", None, None)
    record.fields = {"thing": object}
    assert "object" in json.loads(JsonFormatter().format(record))["thing"]


@pytest.mark.parametrize("given", [b"", b"a b", b"a\nb", b"\xff", b"x" * 129])
def test_an_id_that_could_break_a_line_or_a_header_is_replaced(given: bytes) -> None:
    assert request_id({b"x-request-id": given}) != given


def test_ids_that_are_made_are_all_different() -> None:
    assert len({request_id({}) for _ in range(1000)}) == 1000
    assert request_id({b"x-request-id": b"mine:1/2"}) == b"mine:1/2"
