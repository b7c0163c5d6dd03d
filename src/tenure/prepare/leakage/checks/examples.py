"""Rows that show a finding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tenure.prepare.leakage.table import Table


def examples_of(
    table: Table, column: str, rows: np.ndarray | Sequence[int] | None = None, n: int = 3
) -> tuple[dict[str, Any], ...]:
    """The first n rows of the sample (or of those at rows), with the cell and the target as they were read.

    rows: positions in the sample.  row in the result: position in the table, from 0.
    """
    target = table.recipe.target.name
    places = np.arange(len(table.positions)) if rows is None else np.asarray(rows)
    places = places[:n]
    picked = table.typed[places].select(cell=column, target=target)
    return tuple(
        {"row": int(table.positions[place]), column: row["cell"], target: row["target"]}
        for place, row in zip(places, picked.to_dicts(), strict=True)
    )
