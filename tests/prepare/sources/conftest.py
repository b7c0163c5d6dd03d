"""Fixtures for the tests of sources."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture
def told(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Iterator[pytest.LogCaptureFixture]:
    """What tenure logs from INFO upward, whether or not a command has set up logging before."""
    logger = logging.getLogger("tenure")
    monkeypatch.setattr(logger, "propagate", False)
    level = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(caplog.handler)
    yield caplog
    logger.removeHandler(caplog.handler)
    logger.setLevel(level)
