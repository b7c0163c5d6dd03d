"""The lower sections of the page: gaps, associations, trends, first rows."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from tenure.prepare.explore.draw.cards import measure_of
from tenure.prepare.explore.draw.marks import Scale, bar, line, named, stack, text, track
from tenure.prepare.explore.facts import Association, Change, GapPattern, TargetFacts, Trends
from tenure.prepare.explore.report import Exploration
from tenure.prepare.explore.words import share_text, short
from tenure.records import Estimate

_MOST_PAIRS = 20
_MOST_NAMED = 6


def draw_gaps(found: Exploration) -> str:
    """Which columns are missing together, and the target in such rows."""
    if not found.gaps.patterns:
        return '<p class="calm">No cell is missing.</p>'
    most = max(pattern.share for pattern in found.gaps.patterns)
    rows = "".join(_pattern(pattern, most, found.target) for pattern in found.gaps.patterns)
    title = measure_of(found.target) if found.target else ""
    head = f'<p class="label"><span>missing together, exactly these</span><span>{title}</span></p>'
    pairs = "".join(
        f"<tr><td>{named(pair.first, 40)}</td><td>{named(pair.second, 40)}</td>{_strength_cells(pair)}</tr>"
        for pair in found.gaps.together
    )
    table = (
        '<h3>Gaps that go together</h3><div class="scroll"><table><thead><tr><th>column</th><th>column</th>'
        f"<th>strength</th><th>95 % interval</th></tr></thead><tbody>{pairs}</tbody></table></div>"
        if pairs
        else ""
    )
    return f'<div class="groups patterns">{head}{rows}</div>{table}'


def _pattern(pattern: GapPattern, most: float, target: TargetFacts | None) -> str:
    names = [named(name, 30) for name in pattern.columns[:_MOST_NAMED]]
    more = f" and {len(pattern.columns) - _MOST_NAMED} more" if len(pattern.columns) > _MOST_NAMED else ""
    name = (", ".join(names) + more) if names else "<em>nothing missing</em>"
    shown = ""
    if target is not None and pattern.target:
        if target.task == "multiclass":
            shown = stack(pattern.target, target.classes)
        else:
            base = target.overall[0]
            scale = Scale([base, *pattern.target], is_share=target.task == "binary")
            scale.low, scale.high = (0.0, 1.0) if target.task == "binary" else (scale.low, scale.high)
            value = scale.write(pattern.target[0].value)
            shown = f"{track(pattern.target[0], scale, base.value)}<b>{value}</b>"
    return (
        f'<div class="row"><span class="name">{name}</span><span class="part" title="{pattern.n:,} rows">'
        f"{bar(pattern.share, most)}<small>{share_text(pattern.share)}</small></span>{shown}</div>"
    )


def _strength_cells(pair: Association) -> str:
    return (
        f"<td><b>{pair.strength.value:.2f}</b></td>"
        f"<td>{pair.strength.low:.2f} to {pair.strength.high:.2f}</td>"
    )


def draw_associations(found: Exploration, numbers: Mapping[str, int]) -> str:
    """The strongest pairs, and all of them as a map."""
    if not found.associations:
        return ""
    rows = "".join(
        f'<tr><td><a href="#c{numbers[pair.first]}">{named(pair.first, 36)}</a></td>'
        f'<td><a href="#c{numbers[pair.second]}">{named(pair.second, 36)}</a></td>{_strength_cells(pair)}'
        f"<td>{escape(pair.measure)}{_pearson(pair)}</td></tr>"
        for pair in found.associations[:_MOST_PAIRS]
    )
    note = ""
    n_features = sum(column.kind not in ("identifier", "constant", "text") for column in found.columns)
    if len(found.paired) < n_features - 1:
        note = f"<p>Of the {len(found.paired)} columns most tied to the target (or the first).</p>"
    return (
        f'{note}<div class="pair"><div class="scroll"><table><thead><tr><th>column</th><th>column</th><th>strength</th>'
        f"<th>95 % interval</th><th>measure</th></tr></thead><tbody>{rows}</tbody></table></div>{_map(found)}</div>"
    )


def _pearson(pair: Association) -> str:
    return f" <small>Pearson {pair.pearson:.2f}</small>" if pair.pearson is not None else ""


def _map(found: Exploration) -> str:
    names = found.paired
    known = {(p.first, p.second): p for p in found.associations}
    known |= {(p.second, p.first): p for p in found.associations}
    rows = []
    for one in names:
        cells = "".join(_map_cell(known.get((one, other)), one, other) for other in names)
        rows.append(f'<tr><th scope="row">{named(one, 22)}</th>{cells}</tr>')
    head = "".join(f'<th scope="col"><span>{named(name, 22)}</span></th>' for name in names)
    many = " dense" if len(names) > 14 else ""
    return (
        f'<div class="scroll"><table class="map{many}"><thead><tr><td></td>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _map_cell(pair: Association | None, one: str, other: str) -> str:
    if pair is None:
        return '<td class="self"></td>' if one == other else "<td></td>"
    value = pair.strength.value
    title = f"{short(one, 40)} and {short(other, 40)}: {pair.measure} {value:.2f} "
    title += f"({pair.strength.low:.2f} to {pair.strength.high:.2f})"
    sign = "minus" if value < 0 else "plus"
    return (
        f'<td class="{sign}" style="--v:{100 * pair.size:.0f}%" title="{escape(title)}">{abs(value):.1f}</td>'
    )


def draw_trends(found: Exploration) -> str:
    """Rows and target of each period, and the columns that move most."""
    trends = found.trends
    if trends is None:
        return ""
    labels = [period.label for period in trends.periods]
    shares = [Estimate(period.share, period.share, period.share) for period in trends.periods]
    charts = [_chart(f"rows a {trends.every}", shares, labels, is_share=True)]
    if found.target is not None and found.target.task != "multiclass":
        missing = Estimate(float("nan"), float("nan"), float("nan"))
        values = [period.target[0] if period.target else missing for period in trends.periods]
        charts.append(
            _chart(measure_of(found.target), values, labels, is_share=found.target.task == "binary")
        )
    target = found.target.name if found.target and found.target.task != "multiclass" else None
    moves = "".join(_change(change, trends) for change in trends.changes if change.column != target)
    moved = (
        f'<h3>Columns that move</h3><div class="charts small">{moves}</div>'
        if moves
        else ('<p class="calm">No column moves much with time.</p>')
    )
    return (
        f"<p>By {named(trends.column, 40)}, {escape(labels[0])} to {escape(labels[-1])}.</p>"
        f'<div class="charts">{"".join(charts)}</div>{moved}'
    )


def _change(change: Change, trends: Trends) -> str:
    labels = [period.label for period in trends.periods]
    title = f"{named(change.column, 30)}: {text(change.what, 40)} <small>strength {change.strength.value:.2f}</small>"
    return _chart(title, list(change.values), labels, is_share=change.what != "mean")


def _chart(title: str, values: list[Estimate], labels: list[str], *, is_share: bool) -> str:
    scale = Scale(values, is_share=is_share)
    return (
        f'<figure><figcaption>{title}</figcaption><div class="plot"><span>{scale.write(scale.high)}</span>'
        f"<span>{scale.write(scale.low)}</span>{line(values, labels, scale)}</div>"
        f'<p class="axis"><span>{escape(labels[0])}</span><span>{escape(labels[-1])}</span></p></figure>'
    )


def draw_head(found: Exploration) -> str:
    """The first rows, as the cells stand."""
    if not found.head:
        return '<p class="calm">The table has no rows.</p>'
    names = "".join(f"<th>{named(column.name, 24)}</th>" for column in found.columns)
    rows = "".join(
        "<tr>" + "".join(f"<td>{text(cell, 40)}</td>" for cell in row) + "</tr>" for row in found.head
    )
    return f'<div class="scroll"><table><thead><tr>{names}</tr></thead><tbody>{rows}</tbody></table></div>'
