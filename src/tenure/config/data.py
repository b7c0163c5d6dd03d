"""The section `data` of tenure.yaml: where the tables are and what their columns mean."""

from __future__ import annotations

from collections import Counter
from typing import Literal

from pydantic import Field, field_validator, model_validator

from tenure.config.events import CUTOFF, Cutoffs, EventTableConfig, LabelConfig, TableName
from tenure.config.features import RuleEntry
from tenure.config.sources import SourceConfig
from tenure.config.values import Label, Misplaced


class DataConfig(SourceConfig):
    """Where the table is and what its special columns are."""

    source: str = Field(
        "",
        description="path, folder, glob or address, relative to this file; null: made from the event tables",
    )
    target: str = Field(description="the column to predict; with a label, the column that its rule makes")
    positive: Label | None = Field(None, description="the class that `probability` speaks of")
    id: str | None = Field(None, description="the column that names a row; never a feature")
    time: str | None = Field(None, description="a date column; makes the split go by time")
    group: str | None = Field(None, description="rows of one group never straddle the split")
    weight: str | None = Field(
        None, description="a column of numbers >= 0: how much a row counts; never a feature"
    )
    tables: dict[TableName, EventTableConfig] = Field(
        default_factory=dict, description="event tables, counted up to each cutoff or row's time"
    )
    cutoffs: Cutoffs = Field(
        None, description="the moments that the rows speak of, each for every id; null: each row's own time"
    )
    label: LabelConfig | None = Field(None, description="the rule that makes the target from the events")
    exclude: list[str] | dict[str, str] = Field(
        default_factory=list, description="columns known to be unusable; a list, or column: reason"
    )
    levels: dict[Label, dict[Label, Label]] = Field(
        default_factory=dict, description="column: {spelling: the level it stands for}"
    )
    nulls: dict[Label, list[Label]] = Field(
        default_factory=dict, description="column: values that mean missing, such as -999"
    )
    rules: list[RuleEntry] = Field(
        default_factory=list, description="conditions that every row must keep, as SQL expressions"
    )
    task: Literal["binary", "multiclass", "regression"] | None = Field(
        None, description="null: inferred from the target"
    )

    @field_validator("source", mode="before")
    @classmethod
    def _null_is_nothing(cls, value: object) -> object:
        return "" if value is None else value

    @model_validator(mode="after")
    def _event_tables_can_be_joined(self) -> DataConfig:
        if not self.tables:
            self._needs_no_tables()
            return self
        if self.id is None:
            raise Misplaced("event tables are joined by data.id, which is not set", "tables")
        if self.cutoffs is None and (not self.source or self.time is None):
            raise Misplaced(
                "event tables need data.cutoffs, or a data.source with a data.time of each row", "tables"
            )
        if self.label is None and not self.source:
            raise Misplaced("no data.source has the target, so that a data.label must make it", "target")
        if self.label is not None and self.label.table not in self.tables:
            raise Misplaced(
                f"there is no table {self.label.table!r} in data.tables, which has {', '.join(self.tables)}",
                *("label", "table"),
            )
        self._column_names_differ()
        return self

    def _needs_no_tables(self) -> None:
        for key in ("cutoffs", "label"):
            if getattr(self, key) is not None:
                raise Misplaced(f"data.{key} speaks of event tables, and data.tables has none", key)
        if not self.source:
            raise ValueError("the key 'source' is missing")

    def _column_names_differ(self) -> None:
        own = [name for name in (self.id, self.target, CUTOFF if self.cutoffs else None) if name]
        made = [feature[0] for name, table in self.tables.items() for feature in table.features(name)]
        twice = [name for name, n in Counter((*own, *made)).items() if n > 1]
        if twice:
            raise Misplaced(
                f"two columns would be named {twice[0]!r}; rename a table or the target", "tables"
            )

    @model_validator(mode="after")
    def _weight_is_a_column_of_its_own(self) -> DataConfig:
        for key in ("target", "id", "time", "group"):
            if self.weight is not None and self.weight == getattr(self, key):
                raise Misplaced(f"the column {self.weight!r} is data.{key} as well", "weight")
        return self

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

    @property
    def target_task(self) -> Literal["binary", "multiclass", "regression"] | None:
        """The task, where the config tells: a label that is an aggregate is a number."""
        return self.task or ("regression" if self.label and self.label.aggregate else None)

    @property
    def split_time(self) -> str | None:
        """The column that the split goes by: the cutoff of a panel, where data.time says when an id begins."""
        return CUTOFF if self.cutoffs else self.time

    @property
    def split_group(self) -> str | None:
        """The column whose rows never straddle the split: with event tables, an id has several rows."""
        return self.group or (self.id if self.tables else None)
