from __future__ import annotations

from pathlib import Path

import pytest

from tests.registration.model_files import write_models, write_samples


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of model files and samples, not to be changed."""
    folder = tmp_path_factory.mktemp("files")
    write_samples(folder)
    write_models(folder)
    return folder
