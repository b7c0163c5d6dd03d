"""Fixtures of the tests of training."""

from __future__ import annotations

import pytest


@pytest.fixture(params=["binary", "multiclass", "regression"])
def task(request: pytest.FixtureRequest) -> str:
    """Each task in turn."""
    return str(request.param)


@pytest.fixture(autouse=True)
def short_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few rounds and few trees: these tests are about the procedure."""
    monkeypatch.setattr("tenure.model.candidates.base.MAX_ROUNDS", 200)
    monkeypatch.setattr("tenure.model.candidates.forest.TREES", 20)
