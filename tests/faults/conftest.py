"""One stack for all faults, with two good versions that replace each other; and the table."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from tests.conftest import EmbeddedStack
from tests.e2e.delivery import Delivery, prepare
from tests.faults.outcome import Outcome, as_markdown
from tiffin.home import TiffinHome, write_atomically


@pytest.fixture(scope="session")
def delivery(stack: EmbeddedStack) -> Iterator[Delivery]:
    delivery = prepare(stack, "v1", "v2")
    yield delivery
    delivery.airflow.close()


@pytest.fixture(scope="session")
def outcomes() -> Iterator[list[Outcome]]:
    """Collect the rows; at the end print the table and leave it in fault-table.md of the home."""
    rows: list[Outcome] = []
    yield rows
    table = as_markdown(rows)
    file = TiffinHome.from_environment().folder() / "fault-table.md"
    write_atomically(file, table)
    sys.stdout.write(f"\n\n{table}\n(also in {file})\n")
