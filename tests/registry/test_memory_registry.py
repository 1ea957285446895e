from __future__ import annotations

from pathlib import Path

import pytest

from tests.contracts.registry import RegistryContract, RegistryUnderTest
from tiffin.registry.memory_registry import MemoryRegistry


class TestMemoryRegistry(RegistryContract):
    @pytest.fixture
    def under_test(self, tmp_path: Path) -> RegistryUnderTest:
        registry = MemoryRegistry(tmp_path / "registry")

        def look(run_id):
            run = registry.runs[run_id]
            return run.status, run.tags, set(run.metrics)

        return RegistryUnderTest(registry, registry.publish, look)
