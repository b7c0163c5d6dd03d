"""Learn how the target is read: task, classes, spellings of each class, the positive class."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from itertools import islice

import polars as pl

from tenure.errors import TargetError, nearest_names
from tenure.prepare import number_text
from tenure.prepare.expressions import readable
from tenure.prepare.levels import spellings_of
from tenure.prepare.recipe import NumberFormat, TargetRecipe
from tenure.prepare.tokens import STRONG_NULLS, UNKNOWN_NULLS, fold, squeeze
from tenure.records import Task

_MOST_CLASSES = 100
# Different labels looked at to tell how numbers are written; all of them are read afterwards.
_SAMPLE = 20_000
# Whole numbers with more distinct values than this are amounts, not classes.
_MOST_NUMBERED_CLASSES = 10
_NULLS = STRONG_NULLS + UNKNOWN_NULLS
_POSITIVE_WORDS = ("yes", "true", "1", "y", "t", "on", "positive", "churn", "churned")


def learn_target(
    series: pl.Series,
    positive: object = None,
    task: Task | str | None = None,
    levels: Mapping[str, str] | None = None,
) -> TargetRecipe:
    """Learn the target from all rows.

    positive: the class probabilities speak of, in any spelling; by default "yes", or the rarer one.
    task: "binary", "multiclass", "classification" or "regression"; by default what the values look like.
    levels: spelling -> the class it stands for, as data.levels says.
    Raises TargetError when the column cannot be learned from.
    """
    name = series.name
    if not readable(series.dtype):
        raise _error(name, f"it holds {series.dtype}, not single values", "name a column of single values")
    if series.dtype.is_float() or series.dtype.is_decimal():
        series = series.cast(pl.Float64).fill_nan(None)
    counts = _number_counts(series) if series.dtype.is_float() else _text_counts(series)
    if not counts:
        raise _error(name, "it is empty in every row", "name a column that holds the outcome")
    n_missing = len(series) - sum(counts.values())
    warnings = (f"{n_missing} row(s) without a target are left out",) if n_missing else ()
    sample = dict(islice(counts.items(), _SAMPLE))
    style, share = number_text.choose_format(sample) if len(counts) > 1 else (NumberFormat(), 0.0)
    if task == "regression" or (task is None and _is_amount(counts, style, share, name)):
        return _regression(name, counts, style, share, warnings)
    return _classification(name, counts, positive, task, warnings, levels or {})


def _text_counts(series: pl.Series) -> dict[str, int]:
    table = spellings_of(series.name, series).filter(~pl.col("key").is_in(list(_NULLS)))
    return dict(zip(table["text"].to_list(), table["n"].to_list(), strict=True))


def _number_counts(series: pl.Series) -> dict[str, int]:
    table = series.drop_nulls().alias("value").value_counts(sort=True, name="n")
    pairs = zip(table["value"].to_list(), table["n"].to_list(), strict=True)
    return {
        str(int(v)) if v == math.floor(v) and abs(v) < 2**53 else repr(v): n
        for v, n in pairs
        if math.isfinite(v)
    }


def _is_amount(counts: Mapping[str, int], style: NumberFormat, share: float, name: str) -> bool:
    """Whether the values are amounts (regression) rather than classes."""
    if share < number_text.ENOUGH:
        return False
    parse = number_text.parser(style)
    values = {value for text in counts if (value := parse(text)) is not None}
    whole = all(value == math.floor(value) for value in values)
    return len(values) > _MOST_NUMBERED_CLASSES or (not whole and len(values) > 2)


def _regression(
    name: str, counts: Mapping[str, int], style: NumberFormat, share: float, warnings: tuple[str, ...]
) -> TargetRecipe:
    if len(counts) == 1:
        raise _error(name, f"it is always {next(iter(counts))!r}", "name a column that differs between rows")
    parse = number_text.parser(style)
    bad = [text for text in counts if parse(text) is None]
    if bad:
        n_bad = sum(counts[text] for text in bad)
        examples = ", ".join(map(repr, bad[:5]))
        raise _error(
            name, f"{n_bad} cell(s) are no number within ±1e38: {examples}", "mend or empty these cells"
        )
    return TargetRecipe(name, "regression", null_tokens=_NULLS, number_format=style, warnings=warnings)


def _classification(
    name: str,
    counts: Mapping[str, int],
    positive: object,
    task: Task | str | None,
    warnings: tuple[str, ...],
    levels: Mapping[str, str],
) -> TargetRecipe:
    if len(counts) > 50 * _MOST_CLASSES:  # before any work that grows with the number of labels
        raise _too_many(name, len(counts))
    spellings = _spellings(counts, {fold(spelling): squeeze(level) for spelling, level in levels.items()})
    totals: dict[str, int] = defaultdict(int)
    for text, n in counts.items():
        totals[spellings[fold(text)]] += n
    if len(totals) == 1:
        raise _error(name, f"it is always {next(iter(totals))!r}", "name a column that differs between rows")
    if len(totals) > _MOST_CLASSES:
        raise _too_many(name, len(totals))
    if task == "binary" and len(totals) > 2:
        raise _error(name, f"it has {len(totals)} classes: {', '.join(totals)}", "use the task multiclass")
    lone = [label for label, n in totals.items() if n == 1]
    if lone:
        todo = "collect more rows of it, join it with another class, or take the row out"
        raise _error(name, f"class {lone[0]!r} has one lone case", todo)
    if len(totals) > 2 or task == "multiclass":
        classes = tuple(sorted(totals, key=_class_order))
        return TargetRecipe(name, "multiclass", classes, None, spellings, _NULLS, warnings=warnings)
    chosen = _positive(name, positive, totals, spellings)
    (negative,) = (label for label in totals if label != chosen)
    return TargetRecipe(name, "binary", (negative, chosen), chosen, spellings, _NULLS, warnings=warnings)


def _spellings(counts: Mapping[str, int], aliases: Mapping[str, str]) -> dict[str, str]:
    """Folded spelling -> class; a class is named by its most frequent spelling.

    Two spellings are one class when they differ in case or spaces, by a full stop at the end, or are
    the same number, or when a person says so (aliases, by folded spelling).
    """
    classes: dict[str, str] = {}
    spellings: dict[str, str] = {}
    for text in sorted(counts, key=lambda text: (-counts[text], text)):
        key = fold(text)
        meant = aliases.get(key, text)
        spellings[key] = classes.setdefault(_identity(fold(meant)), meant)
    return spellings


def _identity(key: str) -> str:
    bare = key.rstrip(".").rstrip() or key
    value = number_text.parser(NumberFormat())(bare)
    return bare if value is None else repr(value)


def _positive(name: str, positive: object, totals: Mapping[str, int], spellings: Mapping[str, str]) -> str:
    if positive is not None:
        identities = {_identity(key): label for key, label in spellings.items()}
        found = identities.get(_identity(fold(str(positive))))
        if found is None:
            hint = nearest_names([str(positive)], totals)
            raise _error(
                name,
                f"it has no class {str(positive)!r}; its classes are {', '.join(map(repr, totals))}",
                f"did you mean {hint[0]!r}?" if hint else "pass one of its classes as --positive",
            )
        return found
    for label in totals:
        if _identity(fold(label)) in map(_identity, _POSITIVE_WORDS):
            return label
    return min(totals, key=lambda label: (totals[label], label))


def _class_order(label: str) -> tuple[int, float, str]:
    value = number_text.parser(NumberFormat())(label)
    return (1, 0.0, label) if value is None else (0, value, label)


def _too_many(name: str, n: int) -> TargetError:
    return _error(
        name,
        f"it has {n:,} different labels, more than {_MOST_CLASSES}",
        "name another column, or group its labels",
    )


def _error(name: str, what: str, todo: str) -> TargetError:
    return TargetError(f"the target {name!r} cannot be learned: {what}", where=f"column {name!r}", todo=todo)
