"""Explanations of a project's model: what training measures, what the release holds of it, within bounds of work.

Work is counted, not timed, so that a replay does the same: a row scored costs its trees (at least as much as the rest
of scoring it), a row explained its edges. The bounds come to some seconds at most, and to less with a short budget.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from tenure.config import ProjectConfig
from tenure.errors import ConfigError, TenureError, nearest_names
from tenure.model.explain.dependence import dependence
from tenure.model.explain.interactions import FEWEST_ROWS as FEWEST_POINTS
from tenure.model.explain.interactions import MOST_COLUMNS, interactions, two_values
from tenure.model.explain.interactions import MOST_ROWS as MOST_POINTS
from tenure.model.explain.permutation import draw_orders, permutation_importance
from tenure.model.explain.stability import compare_fits, unmeasured
from tenure.model.substitute import sources
from tenure.prepare.split import PART, TEST, VALIDATION
from tenure.release.explanations import FORMAT
from tenure.release.joint import JointPredictor
from tenure.release.scorer import Scorer
from tenure.release.trees import TreePredictor

if TYPE_CHECKING:
    from tenure.model.train import Trained
    from tenure.prepare.recipe import Recipe
    from tenure.project.prepared import Prepared
    from tenure.project.tables import Tables

EVIDENCE = "explanations"
FULL_BUDGET = 60.0
"""Seconds of model.budget from which on the bounds of work are not shortened any more."""
LEAST_SHARE = 0.1
TREES_WALKED = 40_000_000
"""Of permutation importance, and half as many of interactions: some two seconds on one core."""
LEAST_TREES = 40
"""What scoring a row costs at least, in trees; classes and columns come on top."""
EDGES_EXPLAINED = 30_000_000
"""Of stability, over all fits together: some two seconds on one core without the compiled kernel."""
SECONDS_A_FIT = 6.0
"""Of model.budget for each fold's model that is looked at: two at least, all of five from half a minute on."""
PERMUTATIONS = 5
"""At least; each fold's model takes its turn. More rows narrow the interval more than more permutations."""
MOST_ROWS, FEWEST_ROWS = 2_000, 200
FEWEST_PERMUTED = 30
"""With fewer validation rows nothing is said: the intervals are normal ones."""
MOST_COLUMNS_PERMUTED = 60
STABILITY_ROWS, FEWEST_STABILITY_ROWS = 300, 30
DEPENDENCE_ROWS = 500
MOST_CLASSES = 3
"""Classes of several whose chance dependence is told for, the first of the recipe."""


def with_explanations(config: ProjectConfig, prepared: Prepared, tables: Tables, trained: Trained) -> Trained:
    """The trained model with permutation importance and stability in its plan's evidence, and the folds let go.

    Both are measured on the validation rows by the folds' models, which have not seen them: the released model was
    fitted on these rows, too, and would show columns that it knows by heart as important. The test rows stay sealed.
    """
    measured = _measure(config, prepared, tables, trained)
    plan = replace(trained.plan, evidence={**trained.plan.evidence, EVIDENCE: measured})
    return replace(trained, plan=plan, folds=None)


def explanations_of(
    config: ProjectConfig, prepared: Prepared, tables: Tables, trained: Trained, scorer: Scorer
) -> dict[str, Any]:
    """What explanations.json will hold."""
    fitted_on = tables.train.joined(tables.validation).features
    n_edges = _edges(scorer)
    n_rows = int(np.clip(EDGES_EXPLAINED // n_edges, FEWEST_STABILITY_ROWS, DEPENDENCE_ROWS))
    clean = fitted_on[_spread(len(fitted_on), n_rows)]
    outcomes = _outcomes(scorer)
    classes = [np.full(clean.height, k) for k, _ in outcomes]
    effects = scorer.explainer.effects_by_class(clean, classes)
    measured = dict(trained.plan.evidence.get(EVIDENCE, {}))
    return {
        "format": FORMAT,
        "permutation": measured.get("permutation", unmeasured("this model was trained without")),
        "stability": measured.get("stability", unmeasured("this model was trained without")),
        "dependence": {
            "rows": clean.height,
            "columns": [
                entry
                for (_, outcome), one in zip(outcomes, effects, strict=True)
                for entry in dependence(scorer.recipe.features, clean, one, outcome)
            ],
        },
        "interactions": _interactions(config, prepared, scorer, effects),
        "changes": config.explain.model_dump(mode="json"),
    }


def _measure(config: ProjectConfig, prepared: Prepared, tables: Tables, trained: Trained) -> dict[str, Any]:
    held = tables.validation
    if not len(held.y):
        none = unmeasured("there are no validation rows (split.validation)")
        return {"permutation": none, "stability": none}
    recipe = prepared.recipe
    released = Scorer(recipe, trained.encoding, trained.document.predictor(), trained.calibration)
    by = "the winner's models of the folds"
    try:
        fits = [
            Scorer(recipe, encoding, document.predictor(), trained.calibration)
            for encoding, document in islice(
                trained.folds or (), max(2, int(config.model.budget / SECONDS_A_FIT))
            )
        ]
        why = "there were no folds: too few rows of a class, or no time"
    except TenureError as error:
        fits, why = [], error.what
    stability = _stability(config, released, fits, held.features) if fits else unmeasured(why)
    if not fits and trained.plan.n_folds == 0:
        # fitted on the training rows alone: it has not seen these either
        fits, by = [released], "the released model"
    if not fits:
        return {"permutation": unmeasured(why), "stability": stability}
    if len(held.y) < FEWEST_PERMUTED:
        few = f"{len(held.y)} validation rows are too few for an interval, it takes {FEWEST_PERMUTED}"
        return {"permutation": unmeasured(few), "stability": stability}
    permutation = _permutation(config, prepared, tables, fits, _strongest(released, held.features))
    return {"permutation": {**permutation, "by": by}, "stability": stability}


def _permutation(
    config: ProjectConfig,
    prepared: Prepared,
    tables: Tables,
    fits: Sequence[Scorer],
    strongest: Sequence[str],
) -> dict[str, Any]:
    """Permutation importance of the raw columns; of fewer rows, permutations or columns where the work is too much."""
    held = tables.validation
    columns, left = strongest[:MOST_COLUMNS_PERMUTED], _work_left(config)
    passes = -(-PERMUTATIONS // len(fits)) * len(fits)
    units = left / max(_trees(scorer) for scorer in fits)
    n_rows = min(len(held.y), MOST_ROWS)
    if len(columns) * passes * n_rows > units:
        passes = int(np.clip(units / (len(columns) * n_rows), min(2, passes), passes))
        n_rows = min(n_rows, max(FEWEST_ROWS, int(units / (len(columns) * passes))))
        columns = columns[: max(1, int(units / (passes * n_rows)))]
    at = _spread(len(held.y), n_rows)
    table = held.rows(at)
    rows = _typed(prepared, pl.col(PART) == VALIDATION)[at]
    found = permutation_importance(
        prepared.recipe,
        rows,
        table.y,
        fits[:passes],
        draw_orders(len(at), passes, config.split.seed),
        columns,
        weight=table.weight,
        group=table.group,
    )
    ranked = sorted(found.items(), key=lambda item: -item[1].value)
    return {
        "measured": True,
        "loss": "squared error" if prepared.recipe.target.task == "regression" else "log loss",
        "rows": len(at),
        "permutations": passes,
        "models": len(fits[:passes]),
        "columns": [{"column": name, **asdict(rise)} for name, rise in ranked],
        "left_out": list(strongest[len(columns) :]),
    }


def _stability(
    config: ProjectConfig, released: Scorer, fits: Sequence[Scorer], features: pl.DataFrame
) -> dict[str, Any]:
    if len(fits) < 2:
        return unmeasured("one fit is too few")
    work = EDGES_EXPLAINED * _share(config) / sum(_edges(scorer) for scorer in (released, *fits))
    n_rows = min(len(features), STABILITY_ROWS, int(work))
    if n_rows < min(FEWEST_STABILITY_ROWS, len(features)):
        return unmeasured("the models are too large to explain enough rows by each within the bound of work")
    clean = features[_spread(len(features), n_rows)]
    chosen = released.score_clean(clean).probabilities
    classes = [np.zeros(n_rows, dtype=np.intp) if chosen is None else chosen.argmax(axis=1)]
    effects = [scorer.explainer.effects_by_class(clean, classes)[0] for scorer in (released, *fits)]
    return compare_fits(released.feature_names, effects[0], effects[1:])


def _interactions(
    config: ProjectConfig, prepared: Prepared, scorer: Scorer, effects: Sequence[npt.NDArray[np.float64]]
) -> dict[str, Any]:
    columns = _by_size(scorer, np.mean([np.abs(one).mean(axis=0) for one in effects], axis=0))
    columns = columns[:MOST_COLUMNS]
    if len(columns) < 2:
        return unmeasured("it takes two columns with an effect")

    def points(n: int) -> int:
        tables = n + n * (n - 1) // 2
        return int((_work_left(config) / 2 / (tables * _trees(scorer))) ** 0.5)

    while len(columns) > 2 and points(len(columns)) < FEWEST_POINTS:
        columns = columns[:-1]
    n_rows = int(np.clip(points(len(columns)), FEWEST_POINTS, MOST_POINTS))
    typed = _typed(prepared, pl.col(PART) != TEST)
    rows = typed[_spread(typed.height, n_rows)]
    recipes = {column.name: column for column in scorer.recipe.inputs}
    values = {name: two_values(recipes[name], typed[name]) for name in columns}
    told = {name: pair for name, pair in values.items() if pair is not None}
    return {
        "measured": True,
        "rows": rows.height,
        "columns": list(columns),
        "scale": {"binary": "log-odds", "multiclass": "log-probabilities"}.get(scorer.task, "the number"),
        "pairs": interactions(scorer, rows, columns, told),
    }


def _strongest(scorer: Scorer, features: pl.DataFrame) -> list[str]:
    """Raw columns by the size of their effects, those without any last; by a few rows, for the order alone."""
    n_rows = int(np.clip(EDGES_EXPLAINED // _edges(scorer), 1, FEWEST_STABILITY_ROWS))
    clean = features[_spread(len(features), n_rows)]
    found = _by_size(scorer, np.abs(scorer.explainer.effects(clean)).mean(axis=0))
    return [*found, *(c.name for c in scorer.recipe.inputs if c.name not in set(found))]


def _by_size(scorer: Scorer, sizes: npt.NDArray[np.float64]) -> list[str]:
    """Raw columns with an effect, the largest first; an effect of what is computed from a column counts for it."""
    totals = {column.name: 0.0 for column in scorer.recipe.inputs}
    read = sources(scorer.recipe)
    for feature, size in zip(scorer.feature_names, sizes.tolist(), strict=True):
        for name in read[feature]:
            totals[name] += size
    return sorted((name for name, total in totals.items() if total > 0.0), key=lambda name: -totals[name])


def _outcomes(scorer: Scorer) -> list[tuple[int, str | None]]:
    if scorer.task == "multiclass":
        return list(enumerate(scorer.classes[:MOST_CLASSES]))
    return [(1, scorer.positive)]


def _typed(prepared: Prepared, which: pl.Expr) -> pl.DataFrame:
    names = [column.name for column in prepared.recipe.inputs]
    return prepared.rows.filter(which).select(names).collect()


def _spread(n_rows: int, most: int) -> npt.NDArray[np.int64]:
    """At most so many positions, evenly over all."""
    return np.unique(np.linspace(0, n_rows - 1, min(n_rows, most)).astype(np.int64))


def _share(config: ProjectConfig) -> float:
    return float(np.clip(config.model.budget / FULL_BUDGET, LEAST_SHARE, 1.0))


def _work_left(config: ProjectConfig) -> float:
    return TREES_WALKED * _share(config)


def _trees(scorer: Scorer) -> int:
    predictor = scorer.predictor.trees if isinstance(scorer.predictor, JointPredictor) else scorer.predictor
    trees = predictor.n_trees if isinstance(predictor, TreePredictor) else 0
    beside = LEAST_TREES * (scorer.predictor.n_outputs - 1) // 2 + len(scorer.feature_names) // 2
    return max(trees, LEAST_TREES) + beside


def _edges(scorer: Scorer) -> int:
    predictor = scorer.predictor.trees if isinstance(scorer.predictor, JointPredictor) else scorer.predictor
    return max(1, predictor.n_edges if isinstance(predictor, TreePredictor) else predictor.n_features)


def check_changes(config: ProjectConfig, recipe: Recipe) -> None:
    """Raise ConfigError for a column of `explain` that is not in the table, or has no direction to go in."""
    known = [column.name for column in recipe.columns]
    kinds = {column.name: column.kind for column in (*recipe.columns, *recipe.inputs)}
    for key in ("immutable", "only_up", "only_down"):
        for name in getattr(config.explain, key):
            where = config.place("explain", key)
            if name not in kinds:
                hints = nearest_names([name], known)
                raise ConfigError(
                    f"{name!r} is no column that could be a feature",
                    where=where,
                    todo=f"did you mean {hints[0]!r}?" if hints else "name a column of the table",
                )
            if key != "immutable" and kinds[name] in ("boolean", "category", "text"):
                raise ConfigError(
                    f"{name!r} holds no numbers or dates that could only go one way",
                    where=where,
                    todo="leave it free, or put it under immutable",
                )
