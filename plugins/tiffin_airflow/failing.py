"""The one place where Tiffin's errors become Airflow's: what is tried again, and what is not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow.sdk.exceptions import AirflowException, AirflowFailException

from tiffin.errors import TiffinError


@contextmanager
def airflow_failures() -> Iterator[None]:
    """Fail the task for good, unless the error says that the same call may succeed later.

    Errors that are not Tiffin's go through as they are: Airflow tries those again.
    """
    try:
        yield
    except TiffinError as error:
        if error.retryable:
            raise AirflowException(str(error)) from error
        raise AirflowFailException(str(error)) from error
