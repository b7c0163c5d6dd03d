"""The card of one column."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from tenure.prepare.explore.draw.marks import Scale, bar, histogram, named, percent, stack, text, track
from tenure.prepare.explore.facts import ColumnFacts, Group, TargetFacts
from tenure.prepare.explore.words import number_text, share_text
from tenure.records import Estimate

_SHOWN = {0.0: "min", 0.05: "5 %", 0.25: "25 %", 0.5: "50 %", 0.75: "75 %", 0.95: "95 %", 1.0: "max"}
_TOP = 5


def draw_card(column: ColumnFacts, number: int, target: TargetFacts | None) -> str:
    """An article with all that is known of a column."""
    is_target = target is not None and column.name == target.name
    tie = column.with_target
    strength = tie.size if tie else -1.0
    badge = '<span class="chip target">target</span>' if is_target else ""
    if tie is not None and target is not None:
        badge = (
            f'<span class="tie" title="{escape(tie.measure)} with the target, 95 % interval '
            f'{tie.strength.low:.2f} to {tie.strength.high:.2f}">'
            f'<span class="mini"><i style="width:{percent(strength)}"></i></span> {tie.strength.value:.2f}</span>'
        )
    aside = f'<p class="why">Not a feature: {escape(column.why)}</p>' if column.why and not is_target else ""
    warning = f'<p class="why">{text(column.warning, 200)}</p>' if column.warning else ""
    picture = _picture(column, target)
    bare = "" if picture else " bare"
    return (
        f'<article class="card" id="c{number}" data-order="{number}" data-kind="{column.kind}" '
        f'data-name="{escape(column.name[:200].lower())}" data-missing="{column.missing_share:.6f}" '
        f'data-strength="{strength:.6f}" data-distinct="{column.distinct}">'
        f'<header><h3>{named(column.name)}</h3><span class="chip">{column.kind}</span>{badge}</header>'
        f'{aside}{warning}<div class="body{bare}">{_facts(column)}{picture}{_by_target(column, target)}'
        "</div></article>"
    )


def _facts(column: ColumnFacts) -> str:
    about = "" if not column.distinct_error else "about "
    rows = [
        ("missing", f"{share_text(column.missing_share)} <small>({column.missing:,})</small>"),
        ("different", f"{about}{column.distinct:,}"),
    ]
    if column.numbers is not None and column.kind != "date":
        rows.append(("mean ± sd", f"{number_text(column.numbers.mean)} ± {number_text(column.numbers.std)}"))
        if column.numbers.zeros > 0:
            rows.append(("zero", share_text(column.numbers.zeros)))
    if column.lengths is not None and column.numbers is None and column.kind != "boolean":
        low, mean, high = column.lengths
        rows.append(("characters", f"{low:,} to {high:,} <small>(mean {mean:,.1f})</small>"))
    if column.reading:
        rows.append(("read", "; ".join(text(word, 90) for word in column.reading)))
    items = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in rows)
    return f'<div class="facts"><dl>{items}</dl>{_quantiles(column)}</div>'


def _quantiles(column: ColumnFacts) -> str:
    if column.numbers is None:
        return ""
    rows = "".join(
        f"<div><dt>{name}</dt><dd>{escape(number_text(column.numbers.quantiles[q], column.kind))}</dd></div>"
        for q, name in _SHOWN.items()
    )
    return f'<dl class="quantiles">{rows}</dl>'


def _picture(column: ColumnFacts, target: TargetFacts | None) -> str:
    classes = target.classes if target is not None and column.name != target.name else ()
    drawn = ""
    if column.histogram:
        is_binary = target is not None and target.task == "binary"
        drawn = histogram(column, len(classes), is_binary=is_binary)
    drawn += _top(column)
    return f'<div class="picture">{drawn}</div>' if drawn else ""


def _top(column: ColumnFacts) -> str:
    shown = [(value, n) for value, n in column.top if n > 1][:_TOP]
    if column.histogram:
        by_value = all(group.low == group.high for group in column.groups)
        shown = [] if by_value else [(value, n) for value, n in shown if n >= 0.01 * column.n]
    if not shown and column.kind in ("identifier", "text", "constant"):
        shown = list(column.top[:3])
    if not shown or (column.groups and not column.histogram and column.kind != "text"):
        return ""
    items = "".join(
        f"<li>{text(value, 40)} <small>{share_text(n / column.n)}</small></li>"
        for value, n in shown
        if column.n
    )
    return f'<p class="label">Most frequent cells</p><ul class="top">{items}</ul>' if items else ""


def _by_target(column: ColumnFacts, target: TargetFacts | None) -> str:
    groups = [*column.groups, *([column.gap] if column.gap and column.gap.n else [])]
    if not column.groups:
        return ""
    if target is None or column.name == target.name:
        groups = list(column.groups) if not column.histogram else []
        return _rows(groups, None, "", None) if groups else ""
    return _rows(groups, target, measure_of(target), None)


def measure_of(target: TargetFacts) -> str:
    """What the tracks show, in words; escaped."""
    if target.task == "binary":
        return f"share of {text(target.positive or '', 30)}"
    return f"mean of {named(target.name, 30)}" if target.task == "regression" else "shares of the classes"


def _rows(groups: Sequence[Group], target: TargetFacts | None, title: str, base: float | None) -> str:
    most = max((group.share for group in groups), default=1.0)
    scale = None
    if target is not None and target.task != "multiclass" and target.overall:
        base = target.overall[0].value
        estimates = [e for group in groups for e in group.target]
        scale = Scale([*estimates, Estimate(base, base, base)], is_share=target.task == "binary")
    lines = "".join(_row(group, most, scale, target, base) for group in groups)
    head = f'<p class="label"><span>rows</span><span>{title}</span></p>' if title else ""
    foot = ""
    if scale is not None and base is not None:
        foot = (
            f'<div class="row ends"><span class="axis"><span>{scale.write(scale.low)}</span>'
            f"<span>all: {scale.write(base)}</span><span>{scale.write(scale.high)}</span></span></div>"
        )
    return f'<div class="groups{"" if title else " alone"}">{head}{lines}{foot}</div>'


def _row(
    group: Group, most: float, scale: Scale | None, target: TargetFacts | None, base: float | None
) -> str:
    shown = ""
    if group.target and target is not None:
        if scale is not None:
            value = scale.write(group.target[0].value)
            shown = f"{track(group.target[0], scale, base)}<b>{value}</b>"
        else:
            shown = stack(group.target, target.classes)
    gap = " gap" if group.label == "missing" and group.low is None else ""
    return (
        f'<div class="row{gap}"><span class="name">{text(group.label, 34)}</span>'
        f'<span class="part" title="{group.n:,} rows of the sample">{bar(group.share, most)}'
        f"<small>{share_text(group.share)}</small></span>{shown}</div>"
    )
