"""The section `data` of tenure.yaml: where the tables are and what their columns mean."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from tenure.config.values import Label, Strict


class DataConfig(Strict):
    """Where the table is and what its special columns are."""

    source: str = Field(description="path, glob or address of the table; relative to this file")
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
    levels: dict[Label, dict[Label, Label]] = Field(
        default_factory=dict, description="column: {spelling: the level it stands for}"
    )
    nulls: dict[Label, list[Label]] = Field(
        default_factory=dict, description="column: values that mean missing, such as -999"
    )
    delimiter: str | None = Field(
        None, min_length=1, max_length=1, description="of CSV files; null: comma, tab for .tsv"
    )
    task: Literal["binary", "multiclass", "regression"] | None = Field(
        None, description="null: inferred from the target"
    )

    @model_validator(mode="after")
    def _says_one_thing_of_a_cell(self) -> DataConfig:
        for column, levels in self.levels.items():
            both = [level for level in levels.values() if level in levels]
            if both:
                raise ValueError(f"levels of {column!r}: {both[0]!r} is a level and a spelling of another")
            if any(not level.strip() for level in levels.values()):
                raise ValueError(f"levels of {column!r}: a level is empty; list the spelling under nulls")
        if self.target in self.nulls:
            raise ValueError(
                f"nulls may not name the target {self.target!r}: empty these cells in the source"
            )
        return self

    @property
    def excluded(self) -> dict[str, str]:
        """Column to reason."""
        if isinstance(self.exclude, dict):
            return dict(self.exclude)
        return dict.fromkeys(self.exclude, "excluded in tenure.yaml")
