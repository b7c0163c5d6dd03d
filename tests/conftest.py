"""Fixtures that every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Tests run side by side: where two wait for each other's threads on the same cores, both stand.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real tables: $TENURE_DATA, or ../shared/data beside the repository."""
    default = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("TENURE_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"no real tables: {folder} is not there (set TENURE_DATA)")
    return folder


@pytest.fixture(autouse=True)
def _without_dvc(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep DVC, whose every call takes half a second, out of the tests that are not about it."""
    if "dvc" not in request.keywords:
        monkeypatch.setattr("tenure.project.dvc.is_installed", lambda: False)
