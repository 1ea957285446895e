from __future__ import annotations

import pytest

from tests.contracts.counters import CountersContract
from tiffin.traffic.memory_counters import MemoryCounters


class TestMemoryCounters(CountersContract):
    @pytest.fixture
    def counters(self):
        return MemoryCounters()

    @pytest.fixture
    def answer(self, counters):
        def answer(revision, *, good, bad):
            counters.count("iris", revision, good=good, bad=bad)

        return answer

    @pytest.fixture
    def restart(self, counters):
        return counters.begin_anew
