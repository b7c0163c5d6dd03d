"""The target of a whole table: how it is read, and how often each class is met."""

from __future__ import annotations

import numpy as np
import polars as pl

from tenure.errors import TargetError
from tenure.prepare.explore.facts import Finding, TargetFacts
from tenure.prepare.explore.gather import Gathered
from tenure.prepare.explore.target import SampleTarget
from tenure.prepare.recipe import TargetRecipe
from tenure.prepare.summary import ColumnSummary
from tenure.prepare.target import learn_target
from tenure.prepare.tokens import fold


def learn_from_sample(
    gathered: Gathered, name: str | None, positive: str | None
) -> tuple[TargetRecipe | None, list[Finding]]:
    """How the target is read; None, with a warning, where it cannot be learned.

    Raises TargetError when a positive class was named that is not there.
    """
    if name is None:
        return None, []
    cells = _target_cells(gathered.summary[name], gathered.sample[name])
    try:
        recipe = learn_target(cells, positive)
    except TargetError as error:
        if positive is not None:
            raise
        return None, [Finding("act", name, error.what, error.todo or "name another column")]
    return recipe, []


def _target_cells(summary: ColumnSummary, sample: pl.Series) -> pl.Series:
    """Cells to learn the target from: every spelling, also those too rare for the sample, where all are known."""
    if summary.holds != "text" or summary.frequent.error or summary.n == len(sample):
        return sample
    texts = [str(text) for text, _ in summary.top]
    rare = pl.Series(
        sample.name, [t for t, n in summary.top for _ in range(2 if n > 1 else 1)], dtype=pl.String
    )
    unseen = rare.filter(~rare.is_in(sample.unique().to_list())) if texts else rare
    return pl.concat([sample.cast(pl.String), unseen])


def warnings_of(recipe: TargetRecipe) -> tuple[str, ...]:
    """What a person should know of how the target is read."""
    if len(recipe.spellings) <= len(recipe.classes):
        return recipe.warnings
    spelled = ", ".join(f"{spelling!r}" for spelling in list(recipe.spellings)[:8])
    return (
        *recipe.warnings,
        f"{len(recipe.spellings)} spellings ({spelled}) are read as {len(recipe.classes)} classes",
    )


def describe_target(gathered: Gathered, target: SampleTarget) -> TargetFacts:
    """The target over the whole table."""
    recipe = target.recipe
    summary = gathered.summary[recipe.name]
    missing = round(float(np.isnan(target.y).mean()) * summary.n) if len(target.y) else 0
    counts: dict[str, int] = {}
    is_exact = True
    if recipe.classes:
        counts = dict.fromkeys(recipe.classes, 0)
        is_exact = summary.holds == "text" and not summary.frequent.error
        if is_exact:
            for text, n in summary.top:
                if (label := recipe.spellings.get(fold(str(text)))) is not None:
                    counts[label] += n
            missing = summary.n - sum(counts.values())
        else:
            found = np.bincount(target.y[~np.isnan(target.y)].astype(np.int64), minlength=len(recipe.classes))
            scale = summary.n / max(1, gathered.sample.height)
            counts = {label: round(int(n) * scale) for label, n in zip(recipe.classes, found, strict=True)}
            is_exact = gathered.is_everything
    return TargetFacts(
        recipe.name, recipe.task, recipe.classes, recipe.positive, counts, is_exact, missing, target.overall()
    )
