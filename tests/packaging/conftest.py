from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.serving.served_models import ServedModels, served_models


@pytest.fixture(scope="session")
def served() -> Iterator[ServedModels]:
    yield served_models()
    served_models().stop()
