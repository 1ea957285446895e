from __future__ import annotations

from benchmarks.saturation.lane import Measured, Recovered, Shared
from benchmarks.saturation.report import tables


def measured(times: float, good: float) -> Measured:
    return Measured("tiffin", 1, times, 100 * times, good, good, 0, 0, 0, 0, 1.0, 2.0, 0.1)


def test_the_share_of_the_peak_is_of_each_rounds_own_peak() -> None:
    rounds = ((100, 99, 98, 95), (50, 49, 48, 45), (80, 80, 80, 60))
    found = [
        measured(times, good)
        for goods in rounds
        for times, good in zip((0, 1, 1.5, 2), goods, strict=True)
    ]
    lines = "\n".join(tables(found))
    assert "at 1.5x 98% (per CPU second 98%), at 2x 90% (per CPU second 90%)" in lines


def test_tells_who_was_answered_and_when_all_was_well_again() -> None:
    lines = "\n".join(tables([Shared("tiffin", 1, 0.45, 0.5, 400.0), Recovered("tiffin", 1, 0.3)]))
    assert "of a greedy client's requests 45% are good, of a modest one's 50%" in lines
    assert "well again 0.3 s after the overload ended" in lines
