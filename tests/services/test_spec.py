"""The words of a service file."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from tiffin.services.spec import Duration, InferenceSpec, ResourceSpec, said_duration


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


@pytest.mark.parametrize(
    ("written", "read"), [("90%", 0.9), (0.95, 0.95), ("none", None), (None, None)]
)
def test_an_interval_is_a_share_of_the_rows_or_none(written, read):
    assert InferenceSpec(interval=written).interval == read
    assert InferenceSpec.model_validate(InferenceSpec(interval=written).model_dump()) == (
        InferenceSpec(interval=written)
    )


@pytest.mark.parametrize("written", ["100%", 0, 1, 90, "wide", True])
def test_an_interval_that_no_rows_can_promise_is_refused(written):
    with pytest.raises(ValidationError):
        InferenceSpec(interval=written)


def test_a_precision_goes_with_a_compiled_model():
    assert InferenceSpec(engine="onnx", precision="int8").precision == "int8"
    with pytest.raises(ValidationError, match="a native model computes as it was logged"):
        InferenceSpec(engine="native", precision="int8")
