"""Small event tables, as they come out of a CSV file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from tenure.config import DataConfig
from tenure.prepare.events import Events, Panel, build_panel, type_events
from tenure.prepare.events.labels import columns_of_label

CALLS = {
    "source": "calls.csv",
    "key": "customer",
    "time": "time",
    "windows": ["7d", "all"],
    "aggregates": {"minutes": ["sum", "last"], "*": ["count", "days_since_last"]},
}


def config(calls: dict[str, Any] | None = None, **data: Any) -> DataConfig:
    """A project on one table of calls; a label that waits for 7 quiet days."""
    whole = {
        "target": "quiet",
        "id": "customer",
        "cutoffs": ["2024-01-10"],
        "label": {"table": "calls", "when": "none", "within": "7d"},
        "tables": {"calls": {**CALLS, **(calls or {})}},
        **data,
    }
    return DataConfig.model_validate(whole)


def typed(data: DataConfig, rows: list[tuple[Any, ...]], *columns: str) -> Events:
    names = columns or ("customer", "time", "minutes")
    table = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
    also = columns_of_label(data.label, names) if data.label else {}
    return type_events("calls", table.lazy(), data.tables["calls"], also)


@pytest.fixture
def panel_of() -> Callable[..., Panel]:
    """Build the panel of a config over rows of text."""

    def build(
        data: DataConfig,
        rows: list[tuple[Any, ...]],
        *columns: str,
        source: pl.DataFrame | None = None,
        labelled: bool = True,
    ) -> Panel:
        moments = data.cutoffs.moments if data.cutoffs else None
        return build_panel(data, [typed(data, rows, *columns)], source, moments, labelled=labelled)

    return build
