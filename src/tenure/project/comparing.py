"""Two data versions side by side: columns, rows, and how the values are distributed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tenure.monitor.drift import ColumnDrift, measure_drift
from tenure.monitor.samples import LevelSample, NumberSample, Sample, level_name
from tenure.prepare.split import PART
from tenure.prepare.versions import IdChanges, SchemaChanges, compare_ids, compare_schemas, what_changed
from tenure.prepare.versions.fingerprint import Fingerprint
from tenure.project.folder import Folder
from tenure.project.versions import Version, find_version, read_rows

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class VersionComparison:
    """The second version against the first.

    ids: rows told apart by the id column; None where there is none, or it repeats.
    columns: how the values of each feature moved, the largest shift first.  causes: what was made differently.
    """

    before: Version
    now: Version
    same_rows: bool
    schema: SchemaChanges
    ids: IdChanges | None
    columns: tuple[ColumnDrift, ...]
    causes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON data."""
        return {
            "before": self.before.version,
            "now": self.now.version,
            "same_rows": self.same_rows,
            "rows": {"before": dict(self.before.rows), "now": dict(self.now.rows)},
            "schema": self.schema.to_dict(),
            "ids": None if self.ids is None else self.ids.to_dict(),
            "columns": [asdict(column) for column in self.columns],
            "causes": list(self.causes),
        }

    def to_text(self) -> str:
        """Lines for a person, what matters most first."""
        lines = [f"{self.before.version} -> {self.now.version}"]
        lines += [f"made differently: {cause}" for cause in self.causes]
        if self.same_rows:
            return "\n".join([*lines, "the same rows in the same parts; only the recipe differs"])
        total = [sum(version.rows.values()) for version in (self.before, self.now)]
        lines.append(f"rows     {total[0]:,} -> {total[1]:,}" + self._parts())
        if self.ids is not None:
            lines.append(f"ids      {_counted(self.ids)}")
        elif self.before.id:
            lines.append(
                f"ids      {self.before.id!r} does not name single rows of both; rows cannot be matched"
            )
        for what, names in (("added", self.schema.added), ("removed", self.schema.removed)):
            if names:
                lines.append(f"columns  {what}: {', '.join(names)}")
        lines += [f"columns  {name}: {a} -> {b}" for name, (a, b) in self.schema.retyped.items()]
        if self.schema.reordered:
            lines.append("columns  in another order")
        moved = [column for column in self.columns if column.alarm]
        lines += [f"values   {column.text}" for column in moved]
        still = len(self.columns) - len(moved)
        lines.append(f"values   {still} of {len(self.columns)} features are distributed as before")
        return "\n".join(lines)

    def _parts(self) -> str:
        parts = {**self.before.rows, **self.now.rows}
        shown = (
            f"{part} {self.before.rows.get(part, 0):,} -> {self.now.rows.get(part, 0):,}" for part in parts
        )
        return f" ({', '.join(shown)})"


def compare_versions(folder: Folder, before: str, now: str) -> VersionComparison:
    """Compare two versions by name. Raises ProjectError when one is not here."""
    first, second = find_version(folder, before), find_version(folder, now)
    (old, old_recipe), (new, _) = read_rows(folder, first), read_rows(folder, second)
    schema = compare_schemas(first.columns, second.columns)
    ids = None
    if first.id is not None and first.id == second.id and first.id not in (*schema.added, *schema.removed):
        ids = compare_ids(old, new, first.id, PART)
    kinds: dict[str, str] = {
        column.name: column.kind
        for column in old_recipe.own_features
        if column.name in second.columns and column.name not in schema.retyped
    }
    columns = measure_drift(_samples(old, kinds), _samples(new, kinds), kinds).columns
    causes = what_changed(Fingerprint(**first.fingerprint), Fingerprint(**second.fingerprint))
    return VersionComparison(
        first, second, first.content == second.content, schema, ids, columns, tuple(causes)
    )


def _samples(rows: pl.LazyFrame, kinds: dict[str, str]) -> dict[str, Sample]:
    """What drift needs of each column; one column at a time is in memory."""
    return {name: _sample(rows.select(name).collect().to_series(), kind) for name, kind in kinds.items()}


def _sample(cells: pl.Series, kind: str) -> Sample:
    import polars as pl

    filled, nulls = len(cells) - cells.null_count(), cells.null_count()
    if kind in ("category", "boolean"):
        counts = cells.drop_nulls().value_counts(sort=True, name="(n)").iter_rows()
        return LevelSample(filled, nulls, {level_name(level): n for level, n in counts})
    if kind == "text" or cells.dtype == pl.String:
        length = cells.cast(pl.String).str.len_chars().cast(pl.Float64).sum() / max(filled, 1)
        none = np.empty(0)
        return NumberSample(filled, nulls, float(length), none, none)
    return NumberSample.of(cells.to_physical().cast(pl.Float64).to_numpy()).thinned()


def _counted(ids: IdChanges) -> str:
    counts = {
        "added": ids.added,
        "removed": ids.removed,
        "changed": ids.changed,
        "moved to another part": ids.moved,
    }
    said = []
    for what, n in counts.items():
        examples = ids.examples.get(what.split(" ", maxsplit=1)[0], ())
        said.append(
            f"{n:,} {what}" + (f" ({', '.join(examples)}{', …' if n > len(examples) else ''})" if n else "")
        )
    return f"{ids.common:,} in both, " + ", ".join(said)
