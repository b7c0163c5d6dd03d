"""The top of the page: the table in figures, what to know, and which columns tell the target."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape

from tenure.prepare.explore.draw.marks import Scale, named, percent, text, track
from tenure.prepare.explore.facts import ColumnFacts, Finding, TargetFacts
from tenure.prepare.explore.intervals import Z
from tenure.prepare.explore.report import Exploration
from tenure.prepare.explore.words import number_text, share_text
from tenure.records import Estimate

_MOST_COLOURS = 8
_MOST_SHOWN = 20
_WORDS = {"act": "act", "look": "look", "note": "note"}


def draw_tiles(found: Exploration) -> str:
    """Rows, columns, missing cells, repeated rows and the target, each in a box."""
    kinds = Counter(column.kind for column in found.columns)
    shown = ", ".join(f"{n} {kind}" for kind, n in kinds.most_common())
    tiles = [
        _tile("rows", f"{found.n_rows:,}", escape(found.scope)),
        _tile("columns", f"{len(found.columns):,}", shown),
        _tile("missing cells", share_text(found.missing_share), _gappiest(found)),
    ]
    if found.repeats is not None:
        about = "" if found.repeats.is_exact else "about "
        note = "equal an earlier row"
        if found.repeats.apart_from:
            note += f"; {about}{found.repeats.n_apart:,} apart from {named(found.repeats.apart_from[0], 24)}"
        tiles.append(_tile("repeated rows", f"{about}{found.repeats.n:,}", note))
    if found.target is not None:
        tiles.append(_target_tile(found.target, found.columns))
    return "".join(tiles)


def _tile(name: str, value: str, note: str) -> str:
    return f'<div class="tile"><span>{name}</span><b>{value}</b><small>{note}</small></div>'


def _gappiest(found: Exploration) -> str:
    n = sum(column.missing > 0 for column in found.columns)
    return f"in {n} of {len(found.columns)} columns" if n else "in no column"


def _target_tile(target: TargetFacts, columns: Sequence[ColumnFacts]) -> str:
    if not target.classes:
        mean = _mean(next(column for column in columns if column.name == target.name))
        note = f"mean, 95 % interval {number_text(mean.low)} to {number_text(mean.high)}"
        return (
            f'<div class="tile wide"><span>target {named(target.name, 40)}</span>'
            f"<b>{number_text(mean.value)}</b><small>{note}</small></div>"
        )
    total = max(1, sum(target.counts.values()))
    shares = {label: n / total for label, n in target.counts.items()}
    parts = "".join(
        f'<i class="k{_colour(k, target)}" style="width:{percent(share)}" title="{escape(label[:60])}"></i>'
        for k, (label, share) in enumerate(shares.items())
    )
    legend = "".join(
        f'<span><i class="k{_colour(k, target)}"></i>{text(label, 24)} {share_text(shares[label])} '
        f"<small>({target.counts[label]:,})</small></span>"
        for k, label in enumerate(list(shares)[:12])
    )
    return (
        f'<div class="tile wide"><span>target {named(target.name, 40)}</span>'
        f'<span class="stack tall">{parts}</span><small class="legend">{legend}</small></div>'
    )


def _mean(column: ColumnFacts) -> Estimate:
    """The mean of a column over all rows."""
    n, numbers = column.n - column.missing, column.numbers
    if numbers is None or n < 2:
        return Estimate(math.nan, math.nan, math.nan)
    half = Z * numbers.std / math.sqrt(n)
    return Estimate(numbers.mean, numbers.mean - half, numbers.mean + half)


def _colour(position: int, target: TargetFacts) -> str:
    if target.task == "binary":
        return "yes" if position else "no"
    return str(min(position, _MOST_COLOURS - 1))


def draw_findings(found: Exploration, numbers: Mapping[str, int]) -> str:
    """The warnings, those to act on first; many alike are joined."""
    if not found.findings:
        return '<p class="calm">Nothing that needs your attention.</p>'
    items = [_finding(finding, numbers) for finding in found.findings]
    first, rest = items[:_MOST_SHOWN], items[_MOST_SHOWN:]
    more = (
        f'<details><summary>{len(rest)} more</summary><ul class="findings">{"".join(rest)}</ul></details>'
        if rest
        else ""
    )
    return f'<ul class="findings">{"".join(first)}</ul>{more}'


def _finding(finding: Finding, numbers: Mapping[str, int]) -> str:
    subject = ""
    if finding.column is not None:
        name = named(finding.column, 40)
        number = numbers.get(finding.column)
        subject = f'<a href="#c{number}">{name}</a>: ' if number is not None else f"{name}: "
    return (
        f'<li class="{finding.severity}"><span class="chip">{_WORDS[finding.severity]}</span>'
        f'<div><p>{subject}{text(finding.what, 220)}</p><p class="todo">{text(finding.todo, 220)}</p></div></li>'
    )


def draw_strongest(found: Exploration, numbers: Mapping[str, int]) -> str:
    """The columns most strongly tied to the target, each with its interval."""
    tied = [column for column in found.columns if column.with_target is not None]
    tied.sort(key=lambda column: -(column.with_target.size if column.with_target else 0.0))
    if not tied:
        return ""
    scale = Scale([Estimate(1.0, 0.0, 1.0)], is_share=False)
    scale.low, scale.high = 0.0, 1.0
    rows: Sequence[str] = [
        f'<div class="row"><a class="name" href="#c{numbers[column.name]}">{named(column.name, 40)}</a>'
        f"{track(_sized(tie.strength), scale, None, filled=True)}"
        f"<b>{tie.strength.value:.2f}</b><small>{escape(tie.measure)}</small></div>"
        for column in tied
        if (tie := column.with_target) is not None
    ]
    first, rest = rows[:_MOST_SHOWN], rows[_MOST_SHOWN:]
    more = f"<details><summary>{len(rest)} more</summary>{''.join(rest)}</details>" if rest else ""
    return f'<div class="groups ranking">{"".join(first)}{more}</div>'


def _sized(estimate: Estimate) -> Estimate:
    """An estimate without its sign."""
    if estimate.value >= 0:
        return Estimate(estimate.value, max(0.0, estimate.low), estimate.high)
    return Estimate(-estimate.value, max(0.0, -estimate.high), -estimate.low)
