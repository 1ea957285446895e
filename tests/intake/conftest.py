"""The in-memory platform of the release tests."""

from tests.release.conftest import platform, ready_to_ramp, service

__all__ = ["platform", "ready_to_ramp", "service"]
