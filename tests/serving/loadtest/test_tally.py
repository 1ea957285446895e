from __future__ import annotations

import json
import math

import pytest

from serving.loadtest.tally import Seconds, Tally


def tally(*latencies_ms: float, shed: int = 0) -> Tally:
    made = Tally()
    for latency_ms in latencies_ms:
        made.add(200, latency_ms)
    for _ in range(shed):
        made.add(429, 0.1)
    return made


def test_latencies_are_exact_to_two_percent():
    made = tally(*range(1, 1001))
    assert made.latency_ms(0.5) == pytest.approx(500, rel=0.02)
    assert made.latency_ms(0.99) == pytest.approx(990, rel=0.02)


def test_what_was_shed_is_counted_and_has_no_latency():
    made = tally(10.0, shed=3)
    assert (made.requests, made.good, made.shed) == (4, 1, 3)
    assert made.latency_ms(0.5) == pytest.approx(10, rel=0.02)


def test_without_a_good_answer_there_is_no_latency():
    assert math.isnan(tally(shed=1).latency_ms(0.5))


def test_seconds_of_other_processes_are_added():
    here, there = Seconds(), Seconds()
    here.at(100.2).add(200, 1)
    there.at(100.9).add(500, 1)
    there.at(100.9).generator_share = 0.7
    here.merge(json.loads(json.dumps(there.taken())))
    assert here.between(100, 101).statuses == {200: 1, 500: 1}
    assert here.between(100, 101).generator_share == 0.7
    assert not there.taken()


def test_only_whole_seconds_of_the_time_count():
    seconds = Seconds()
    for second in range(100, 105):
        seconds.at(second).add(200, 1)
    assert seconds.between(101.5, 104.5).requests == 2
