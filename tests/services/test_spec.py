"""The words of a service file."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from tiffin.services.spec import Duration, ResourceSpec, said_duration


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0d"), (0.25, "250ms"), (90, "90s"), (300, "5m"), (7200, "2h"), (172800, "2d")],
)
def test_says_durations_in_the_largest_unit(seconds, said):
    assert said_duration(timedelta(seconds=seconds)) == said


@given(st.integers(0, 31_622_400_000))
def test_reads_every_duration_it_says(milliseconds):
    value = timedelta(milliseconds=milliseconds)
    assert TypeAdapter(Duration).validate_python(said_duration(value)) == value


def test_memory_is_counted_in_mebibytes():
    assert ResourceSpec(memory="2Gi").memory_mib == 2048
    assert ResourceSpec(memory="512Mi").memory_mib == 512
