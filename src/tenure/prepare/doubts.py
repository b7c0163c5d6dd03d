"""What looks wrong in a table and is left as it is: outliers, codes for "missing", two units, ids, alike rows."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from tenure.prepare.keys import RepeatedKeys
from tenure.prepare.near_duplicates import NearDuplicates
from tenure.prepare.outliers import Outliers, Sentinel, find_outliers, find_sentinels
from tenure.prepare.recipe import Recipe
from tenure.prepare.scales import Scale, find_scales


@dataclass(frozen=True, slots=True)
class Doubts:
    """What was found in the columns of n_rows rows, and (where it was looked for) in the rows as wholes."""

    n_rows: int
    sentinels: tuple[Sentinel, ...]
    scales: tuple[Scale, ...]
    outliers: tuple[Outliers, ...]
    keys: RepeatedKeys | None = None
    alike: NearDuplicates | None = None

    def warnings(self) -> list[str]:
        """What a person should look at. Outliers are no warning by themselves: most of them are true."""
        told = [sentinel.warning for sentinel in self.sentinels] + [scale.warning for scale in self.scales]
        if self.keys is not None:
            told += self.keys.warnings()
        if self.alike is not None and self.alike.n_clusters:
            told.append(
                f"{self.alike.n_rows} row(s) in {self.alike.n_clusters} cluster(s) are equal but for one cell or the "
                f"way it is written, such as rows {', '.join(map(str, self.alike.examples[0]))}"
            )
        return told

    def to_dict(self) -> dict[str, Any]:
        """JSON data."""
        body: dict[str, Any] = {
            "rows_looked_at": self.n_rows,
            "sentinels": [asdict(found) for found in self.sentinels],
            "scales": [asdict(found) | {"expression": found.expression} for found in self.scales],
            "outliers": [asdict(found) for found in self.outliers],
            "keys": asdict(self.keys) if self.keys is not None else None,
        }
        if self.alike is not None:
            body["near_duplicates"] = {
                "clusters": self.alike.n_clusters,
                "rows": self.alike.n_rows,
                "by_chance": self.alike.n_by_chance,
                "why": self.alike.why,
                "examples": [list(rows) for rows in self.alike.examples],
            }
        return body

    def to_text(self) -> str:
        """Lines for a person: the warnings, then the outliers."""
        lines = [f"doubt: {warning}" for warning in self.warnings()]
        for found in self.outliers:
            examples = ", ".join(f"{value:g} (row {row})" for row, value in found.examples)
            lines.append(
                f"outliers: {found.column}: {found.n:,} {found.rule}, below {found.low:.6g} or above {found.high:.6g}: "
                f"{examples}"
            )
        return "\n".join(lines)


def look_over(
    recipe: Recipe,
    typed: pl.DataFrame,
    *,
    keys: RepeatedKeys | None = None,
    alike: NearDuplicates | None = None,
) -> Doubts:
    """Look at the feature columns of a table, or of a sample of its rows.

    typed: columns as columns.read gives them.  Row numbers count from 0 in it.
    """
    beside = typed.select(column.name for column in recipe.own_features)
    sentinels: list[Sentinel] = []
    scales: list[Scale | None] = []
    outliers: list[Outliers | None] = []
    for column in recipe.own_features:
        if column.kind in ("number", "integer"):
            values = typed[column.name].fill_null(float("nan")).to_numpy()
            scales.append(find_scales(column.name, values, beside))
            outliers.append(find_outliers(column.name, values))
        if column.kind in ("number", "integer", "date"):
            sentinels += find_sentinels(column.name, typed[column.name], is_date=column.kind == "date")
    return Doubts(
        typed.height,
        tuple(sentinels),
        tuple(scale for scale in scales if scale is not None),
        tuple(found for found in outliers if found is not None),
        keys,
        alike,
    )
