"""The target within groups of rows: rates, shares or means, each with its interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tenure.prepare.explore import intervals
from tenure.prepare.explore.cells import Cells
from tenure.prepare.recipe import TargetRecipe
from tenure.records import Estimate


@dataclass(frozen=True)
class SampleTarget:
    """The target of the sample's rows: y float [n], a class index or a number; NaN where there is none."""

    recipe: TargetRecipe
    y: npt.NDArray[np.float64]

    @property
    def is_regression(self) -> bool:
        return self.recipe.task == "regression"

    def cells(self) -> Cells:
        """The target as a column, for measures of association."""
        missing = np.isnan(self.y)
        if self.is_regression:
            return Cells(self.recipe.name, "number", missing, values=self.y)
        codes = np.where(missing, -1, np.nan_to_num(self.y)).astype(np.int64)
        return Cells(self.recipe.name, "category", missing, codes=codes, labels=self.recipe.classes)

    def within(self, groups: npt.NDArray[np.int64], n_groups: int) -> list[tuple[Estimate, ...]]:
        """What Group.target holds for each group. groups: int [n] in 0 .. n_groups - 1, or -1 for none."""
        known = (groups >= 0) & ~np.isnan(self.y)
        codes, y = groups[known], self.y[known]
        n = np.bincount(codes, minlength=n_groups)
        if self.is_regression:
            totals = np.bincount(codes, y, minlength=n_groups)
            means = totals / np.maximum(n, 1)
            squares = np.bincount(codes, (y - means[codes]) ** 2, minlength=n_groups)
            return [
                (intervals.mean(int(k), float(t), float(s)),) if k else ()
                for k, t, s in zip(n, totals, squares, strict=True)
            ]
        n_classes = len(self.recipe.classes)
        hits = np.bincount(codes * n_classes + y.astype(np.int64), minlength=n_groups * n_classes)
        table = hits.reshape(n_groups, n_classes)
        # Of two classes, the second is the positive one and says it all.
        shown = table[:, 1:] if self.recipe.task == "binary" else table
        return [
            tuple(intervals.rate(int(h), int(k)) for h in row) if k else ()
            for row, k in zip(shown, n, strict=True)
        ]

    def overall(self) -> tuple[Estimate, ...]:
        """The target of all rows."""
        return self.within(np.zeros(len(self.y), dtype=np.int64), 1)[0] if len(self.y) else ()
