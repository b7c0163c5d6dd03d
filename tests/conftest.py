"""Fixtures that every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real tables: $TENURE_DATA, or ../shared/data beside the repository."""
    default = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("TENURE_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"no real tables: {folder} is not there (set TENURE_DATA)")
    return folder
