"""The section `data` of tenure.yaml: where the tables are and what their columns mean."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from tenure.config.sources import SourceConfig
from tenure.config.values import Label


class DataConfig(SourceConfig):
    """Where the table is and what its special columns are."""

    target: str = Field(description="the column to predict")
    positive: Label | None = Field(None, description="the class that `probability` speaks of")
    id: str | None = Field(None, description="the column that names a row; never a feature")
    time: str | None = Field(None, description="a date column; makes the split go by time")
    group: str | None = Field(None, description="rows of one group never straddle the split")
    tables: dict[str, Any] = Field(
        default_factory=dict, description="event tables joined as of the row's time"
    )
    exclude: list[str] | dict[str, str] = Field(
        default_factory=list, description="columns known to be unusable; a list, or column: reason"
    )
    task: Literal["binary", "multiclass", "regression"] | None = Field(
        None, description="null: inferred from the target"
    )

    @property
    def excluded(self) -> dict[str, str]:
        """Column to reason."""
        if isinstance(self.exclude, dict):
            return dict(self.exclude)
        return dict.fromkeys(self.exclude, "excluded in tenure.yaml")
