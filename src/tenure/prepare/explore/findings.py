"""What a person should know before training, the most important first, and what to do about each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from tenure.prepare.explore.facts import ColumnFacts, Finding, Group, TargetFacts
from tenure.prepare.explore.words import number_text, share_text, short_name
from tenure.records import Estimate

if TYPE_CHECKING:
    from tenure.prepare.explore.report import Exploration

_ORDER = {"act": 0, "look": 1, "note": 2}
# A single column this strong is more often a copy of the outcome than a good predictor.
_TOO_GOOD = 0.9
_SAME = 0.98
_FEW_CASES = 100
_RARE = 0.05
_GAPPY = 0.5
_MANY_LEVELS = 100
# Numbers that people write for "not known", when they stand apart from the rest.
_CODES = (-1.0, -9.0, -99.0, -999.0, -9999.0, 99.0, 999.0, 9999.0, 99999.0, 999999.0)
_FAR_OUT = 20.0


def find(table: Exploration, target_warnings: Iterable[str]) -> list[Finding]:
    """The warnings about a table, in order of importance."""
    found = [
        *_of_target(table.target, target_warnings),
        *_of_repeats(table),
        *_of_time(table),
        *(finding for column in table.columns for finding in _of_column(column, table.target)),
        *_of_pairs(table),
    ]
    return sorted(found, key=lambda finding: _ORDER[finding.severity])


def _of_target(target: TargetFacts | None, warnings: Iterable[str]) -> Iterator[Finding]:
    if target is None:
        return
    for warning in warnings:
        yield Finding("look", target.name, warning, "check that this is meant")
    if not target.counts:
        return
    rarest = min(target.counts, key=lambda label: target.counts[label])
    n, total = target.counts[rarest], sum(target.counts.values())
    if n < _FEW_CASES:
        todo = "collect more rows of it; every estimate below is wide"
        yield Finding("act", target.name, f"only {n} rows are {rarest!r}", todo)
    elif n < _RARE * total:
        yield Finding(
            "look",
            target.name,
            f"{rarest!r} is rare: {n:,} rows, {share_text(n / total)}",
            "judge models by PR-AUC and calibration; accuracy says little here",
        )


def _of_repeats(table: Exploration) -> Iterator[Finding]:
    repeats = table.repeats
    if repeats is None:
        return
    about = "" if repeats.is_exact else "about "
    if repeats.n:
        share = share_text(repeats.n / table.n_rows)
        yield Finding(
            "look",
            None,
            f"{about}{repeats.n:,} rows ({share}) equal an earlier row",
            "see whether they were recorded twice; `tenure prepare` drops those that chance does not explain",
        )
    if repeats.n_apart > repeats.n:
        names = ", ".join(repr(short_name(name, 40)) for name in repeats.apart_from)
        yield Finding(
            "look",
            None,
            f"{about}{repeats.n_apart:,} rows equal an earlier row apart from {names}",
            "see whether one case stands under two names; name a group column if rows belong together",
        )


def _of_time(table: Exploration) -> Iterator[Finding]:
    """What moves with time; a column of dates that nobody named as the time of the rows is no more than a hint."""
    trends = table.trends
    if trends is None:
        return
    todo = f"split by time (data.time: {trends.column}), or old rows will teach what is no longer so"
    if not trends.is_named:
        todo = f"if {trends.column} is when a row was recorded, name it: --time, data.time; the split then goes by it"
    changes = [change for change in trends.changes if change.strength.low > 0.1]
    target = table.target.name if table.target else None
    if target in {change.column for change in changes}:
        what = f"the target moves with {short_name(trends.column, 40)!r}"
        yield Finding("act" if trends.is_named else "look", target, what, todo)
    others = [short_name(change.column, 30) for change in changes if change.column != target]
    if others:
        what = f"{len(others)} column(s) move with {short_name(trends.column, 40)!r}: {', '.join(others[:5])}"
        yield Finding("look" if trends.is_named else "note", None, what, todo)


def _of_column(column: ColumnFacts, target: TargetFacts | None) -> Iterator[Finding]:
    is_target = target is not None and column.name == target.name
    if column.why is not None:
        if not is_target:
            yield Finding(
                "note", column.name, f"not a feature: {column.why}", "nothing, unless it should be one"
            )
        return
    if column.warning:
        yield Finding(
            "look", column.name, column.warning, "mend the cells, or leave them to count as missing"
        )
    if is_target:
        return
    yield from _of_strength(column)
    yield from _of_gaps(column, target)
    yield from _of_values(column)


def _of_strength(column: ColumnFacts) -> Iterator[Finding]:
    tie = column.with_target
    if tie is not None and min(abs(tie.strength.low), tie.size) >= _TOO_GOOD:
        yield Finding(
            "act",
            column.name,
            f"it nearly tells the target by itself ({tie.measure} {tie.strength.value:.2f})",
            "check that it is known before the outcome; if not, list it under data.exclude",
        )


def _of_gaps(column: ColumnFacts, target: TargetFacts | None) -> Iterator[Finding]:
    share = column.missing_share
    if share > _GAPPY:
        yield Finding(
            "look",
            column.name,
            f"{share_text(share)} of the cells are missing",
            "find out why before it is used",
        )
    hidden = sum(column.null_tokens.values())
    if hidden:
        shown = ", ".join(repr(token) if token else "blank" for token in column.null_tokens)
        yield Finding(
            "note",
            column.name,
            f"{hidden:,} cells say that they are missing: {shown}",
            "they are read as missing",
        )
    gap = column.gap
    if target is None or gap is None or not gap.target or not column.groups or not 0 < share < 1:
        return
    if differs := _differ(gap, column.groups):
        strong = (
            share > 0.01 and any(e.low > 0.9 or e.high < 0.002 for e in gap.target) and bool(target.classes)
        )
        yield Finding(
            "act" if strong else "look",
            column.name,
            f"its gaps tell of the target: {differs}",
            "check that it is not filled in after the outcome; else the gap itself is worth keeping",
        )


def _differ(gap: Group, groups: Sequence[Group]) -> str | None:
    """How the target differs between rows with a gap and the rest, or None when it may be the same."""
    n = sum(group.n for group in groups if group.target)
    for position, estimate in enumerate(gap.target):
        rest = sum(g.n * g.target[position].value for g in groups if g.target) / n if n else estimate.value
        half = max(estimate.high - estimate.value, estimate.value - estimate.low)
        if not estimate.low <= rest <= estimate.high and abs(estimate.value - rest) > 1.5 * half:
            return f"{number_text(estimate.value)} where missing, {number_text(rest)} elsewhere"
    return None


def _of_values(column: ColumnFacts) -> Iterator[Finding]:
    if column.kind == "category" and column.distinct > _MANY_LEVELS:
        yield Finding(
            "note",
            column.name,
            f"{column.distinct:,} different levels",
            "rare ones are joined; think of grouping them",
        )
    if column.numbers is None or column.kind == "date":
        return
    quantiles = column.numbers.quantiles
    span = quantiles[0.95] - quantiles[0.05]
    for end, inner in ((quantiles[0.0], quantiles[0.05]), (quantiles[1.0], quantiles[0.95])):
        count = dict(column.top).get(f"{end:.15g}", 0)
        if end in _CODES and count > 0.002 * column.n and abs(end - inner) > span > 0:
            yield Finding(
                "look",
                column.name,
                f"{count:,} cells are {end:g}, far from the rest: it may mean missing",
                "if it does, empty these cells before tenure reads them",
            )
        elif abs(end - inner) > _FAR_OUT * span > 0:
            yield Finding(
                "note",
                column.name,
                f"its end {number_text(end)} lies far out: 90 % lie between {number_text(quantiles[0.05])} and "
                f"{number_text(quantiles[0.95])}",
                "check it for typing errors or another unit",
            )


def _of_pairs(table: Exploration) -> Iterator[Finding]:
    target = table.target.name if table.target else None
    twins = [
        pair
        for pair in table.associations
        if target not in (pair.first, pair.second) and _least(pair.strength) >= _SAME and pair.n > 30
    ]
    for pair in twins[:10]:
        yield Finding(
            "note",
            pair.first,
            f"it says nearly the same as {short_name(pair.second, 40)!r} ({pair.measure} {pair.strength.value:.3f})",
            "one of the two may do",
        )


def _least(strength: Estimate) -> float:
    return max(strength.low, -strength.high)
