from __future__ import annotations

import random

import pytest

from serving.loadtest.process_tree import Holdings
from serving.loadtest.steadiness import Bounds, Interval, Sample, complaints

NOISE = random.Random(0)
HOUR = 3600


def samples(seconds=HOUR, mb_per_hour=0.0, files_per_hour=0.0, threads_per_hour=0.0):
    made = []
    for at in range(0, seconds, 5):
        hours = at / HOUR
        memory = 150 + mb_per_hour * hours + NOISE.gauss(0, 0.5)
        files, threads = 70 + int(files_per_hour * hours), 6 + int(threads_per_hour * hours)
        made.append(Sample(at, Holdings(memory, files, threads)))
    return made


def intervals(minutes=60, p99_growth_ms=0.0, wrong=0, spike_at=None):
    return [
        Interval(
            60.0 * (minute + 1),
            12_000,
            wrong if minute == 3 else 0,
            1.0,
            5 + p99_growth_ms * minute / minutes + NOISE.uniform(0, 1) + 80 * (minute == spike_at),
        )
        for minute in range(minutes)
    ]


def said(samples, intervals):
    return "; ".join(complaints(samples, intervals, Bounds()))


def test_a_steady_hour_has_no_complaint():
    assert said(samples(), intervals()) == ""


def test_ten_steady_minutes_have_no_complaint():
    assert said(samples(600), intervals(10)) == ""


@pytest.mark.parametrize(("seconds", "mb_per_hour"), [(HOUR, 8), (600, 30)])
def test_memory_that_grows_is_complained_of(seconds, mb_per_hour):
    words = said(samples(seconds, mb_per_hour=mb_per_hour), intervals(seconds // 60))
    assert "MB of memory an hour" in words


def test_what_is_allocated_while_warming_up_is_no_leak():
    seen = [Sample(at, Holdings(100 + min(at, HOUR / 2) / 18, 70, 6)) for at in range(0, HOUR, 5)]
    assert complaints(seen, intervals(), Bounds(warm_up_share=0.5)) == []
    assert complaints(seen, intervals(), Bounds(warm_up_share=0.0)) != []


def test_memory_that_jumps_about_is_no_leak():
    jumps = (150, 120, 155, 125, 150, 160, 122, 158, 127, 161)
    seen = [Sample(60.0 * at, Holdings(mb, 70, 6)) for at, mb in enumerate(jumps)]
    assert complaints(seen, intervals(10), Bounds()) == []


def test_files_and_threads_that_are_never_closed_are_complained_of():
    words = said(samples(files_per_hour=60, threads_per_hour=12), intervals())
    assert "files an hour" in words
    assert "threads an hour" in words


def test_a_p99_that_drifts_is_complained_of():
    assert "p99 drifts from" in said(samples(), intervals(p99_growth_ms=10))


def test_one_slow_minute_is_no_drift():
    assert said(samples(), intervals(spike_at=58)) == ""


def test_slow_minutes_here_and_there_are_no_drift():
    p99s = (5, 5, 40, 5, 5, 5, 40, 5, 5, 40, 40)
    seen = [Interval(60.0 * at, 12_000, 0, 1.0, p99) for at, p99 in enumerate(p99s, 1)]
    assert said([], seen) == ""


def test_one_wrong_answer_is_one_too_many():
    assert "1 of 720,001 requests went wrong" in said(samples(), intervals(wrong=1))


def test_no_answer_at_all_is_complained_of():
    assert said(samples(), []) == "nothing was answered"
