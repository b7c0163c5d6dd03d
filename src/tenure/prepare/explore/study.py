"""Put an exploration together from what one pass over the table gathered."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from tenure.errors import ColumnsMissing
from tenure.prepare.columns import target_values
from tenure.prepare.explore.associations import Associations
from tenure.prepare.explore.cells import Cells, cells_of
from tenure.prepare.explore.columns import Studied, describe_column
from tenure.prepare.explore.facts import Association, Finding
from tenure.prepare.explore.findings import find
from tenure.prepare.explore.gaps import study_gaps
from tenure.prepare.explore.gather import Gathered
from tenure.prepare.explore.question import Question
from tenure.prepare.explore.report import Exploration
from tenure.prepare.explore.target import SampleTarget
from tenure.prepare.explore.target_facts import describe_target, learn_from_sample, warnings_of
from tenure.prepare.explore.trends import study_trends
from tenure.prepare.expressions import clean_cell, read_cell, settle_cell
from tenure.prepare.learn import study_column
from tenure.prepare.recipe import FEATURE_KINDS, ColumnRecipe, Kind, Recipe

# Pairs of columns grow with the square: of a wide table those most tied to the target are paired.
_MOST_PAIRED = 40
_STRONGEST = 60


def study_raw(gathered: Gathered, question: Question) -> Exploration:
    """Study a table as it came; how each column is read is learned from the sample.

    Raises ColumnsMissing for names that are not in the table, TargetError when there is no such positive class.
    """
    columns = gathered.sample.columns
    named = [name for name in (question.target, question.time, question.id) if name is not None]
    if absent := [name for name in named if name not in columns]:
        raise ColumnsMissing(absent, columns, where=question.name)
    studied = {}
    for name in columns:
        studied[name] = _study(name, gathered.sample[name], question)
    recipe, problem = learn_from_sample(gathered, question.target, question.positive)
    cells = {name: cells_of(s.recipe, _read(s, gathered.sample[name])) for name, s in studied.items()}
    target = None
    if recipe is not None:
        target = SampleTarget(recipe, target_values(recipe, gathered.sample[recipe.name]))
    return _assemble(gathered, question, studied, cells, target, problem, is_typed=False)


def study_typed(gathered: Gathered, recipe: Recipe, question: Question) -> Exploration:
    """Study rows that a recipe has read (see prepare.typed): how each column is read is known."""
    # those that only expressions read, as the time column may be, are values as well
    helpers = {column.name: column for column in recipe.helpers}
    studied = {}
    for column in recipe.columns:
        studied[column.name] = Studied(column, recipe.ignored.get(column.name), None)
    for name, why in recipe.ignored.items():
        if name not in studied and name in gathered.sample.columns:
            found = helpers.get(name) or _study(name, gathered.sample[name], question).recipe
            studied[name] = Studied(found, why, None)
    kind: Kind = "category" if recipe.target.classes else "number"
    studied[recipe.target.name] = Studied(ColumnRecipe(recipe.target.name, kind), None, None)
    order = [name for name in gathered.sample.columns if name in studied]
    inputs = {column.name for column in recipe.inputs}
    cells = {
        name: cells_of(
            studied[name].recipe,
            _settle(studied[name], gathered.sample[name])
            if name in inputs
            else _read(studied[name], gathered.sample[name]),
        )
        for name in order
    }
    target = SampleTarget(recipe.target, target_values(recipe.target, gathered.sample[recipe.target.name]))
    kept = {name: studied[name] for name in order}
    notes = [Finding("look", None, warning, "see `tenure prepare`") for warning in recipe.warnings]
    return _assemble(gathered, question, kept, cells, target, notes, is_typed=True)


def _study(name: str, raw: pl.Series, question: Question) -> Studied:
    if name == question.id:
        return Studied(ColumnRecipe(name, "identifier"), "the id column", None)
    study = study_column(name, raw, as_time=name == question.time)
    return Studied(study.column, study.why, study.warning)


def _read(studied: Studied, raw: pl.Series) -> pl.Series:
    if studied.recipe.kind not in FEATURE_KINDS:
        return raw.cast(pl.Float64).fill_nan(None) if raw.dtype.is_float() else raw
    # Levels as training knows them, spellings of one joined; numbers as they are, whatever the bounds.
    read = clean_cell if studied.recipe.kind == "category" else read_cell
    return raw.to_frame().select(read(studied.recipe, raw.dtype)).to_series()


def _settle(studied: Studied, typed: pl.Series) -> pl.Series:
    if studied.recipe.kind != "category":
        return typed
    return typed.to_frame().select(settle_cell(studied.recipe)).to_series()


def _assemble(
    gathered: Gathered,
    question: Question,
    studied: Mapping[str, Studied],
    cells: Mapping[str, Cells],
    target: SampleTarget | None,
    problems: list[Finding],
    *,
    is_typed: bool,
) -> Exploration:
    facts_of_target = describe_target(gathered, target) if target else None
    inputs = {name: c for name, c in cells.items() if target is None or name != target.recipe.name}
    usable = [
        c for name, c in inputs.items() if studied[name].why is None or studied[name].recipe.kind == "date"
    ]
    measured = Associations([*usable, *([target.cells()] if target else [])])
    with_target = _with_target(measured, usable, target)
    columns = tuple(
        describe_column(
            studied[name],
            gathered.summary[name],
            cells[name],
            target,
            with_target.get(name),
            is_typed=is_typed,
            distinct=gathered.sample[name].drop_nulls().n_unique() if gathered.is_everything else None,
        )
        for name in studied
    )
    paired = _paired(measured, usable, with_target, target)
    pairs = measured.pairs(paired)
    time = _time_of(question, studied, cells)
    trends = (
        study_trends(cells[time], usable, target, measured, is_named=question.time is not None)
        if time
        else None
    )
    gaps = study_gaps(list(cells.values()), target)
    whole = Exploration(
        name=question.name,
        n_rows=gathered.summary.n_rows,
        n_sample=gathered.sample.height,
        target=facts_of_target,
        columns=columns,
        findings=(),
        paired=tuple(paired),
        associations=tuple(sorted(pairs, key=lambda pair: -_certain(pair))),
        gaps=gaps,
        trends=trends,
        repeats=gathered.repeats,
        head=_head(gathered.head, list(studied)),
    )
    return whole.with_findings((*problems, *find(whole, warnings_of(target.recipe) if target else ())))


def _certain(pair: Association) -> float:
    """The end of the interval nearer to no association: strong and sure pairs come first."""
    low, high = pair.strength.low, pair.strength.high
    return max(0.0, low, -high)


def _with_target(
    measured: Associations, columns: list[Cells], target: SampleTarget | None
) -> dict[str, Association]:
    if target is None or target.recipe.name not in measured:
        return {}
    return {c.name: measured.between(c.name, target.recipe.name) for c in columns if c.name in measured}


def _paired(
    measured: Associations,
    columns: list[Cells],
    with_target: Mapping[str, Association],
    target: SampleTarget | None,
) -> list[str]:
    names = [column.name for column in columns if column.name in measured]
    if len(names) > _MOST_PAIRED:
        strongest = sorted(names, key=lambda n: -with_target[n].size if n in with_target else 0.0)
        chosen = set(strongest[:_MOST_PAIRED])
        names = [name for name in names if name in chosen]
    return names + ([target.recipe.name] if target and target.recipe.name in measured else [])


def _time_of(question: Question, studied: Mapping[str, Studied], cells: Mapping[str, Cells]) -> str | None:
    """The column of time: the one named, else the column of dates with fewest gaps."""
    dates = [name for name, s in studied.items() if s.recipe.kind == "date"]
    if question.time is not None:
        return question.time if question.time in dates else None
    return min(dates, key=lambda name: int(cells[name].is_missing.sum()), default=None)


def _head(head: pl.DataFrame, names: list[str]) -> tuple[tuple[str, ...], ...]:
    """The first rows as text, cells cut; the column names are those of Exploration.columns."""
    rows = head.select(names).rows()
    return tuple(tuple("" if cell is None else str(cell)[:200] for cell in row) for row in rows)
