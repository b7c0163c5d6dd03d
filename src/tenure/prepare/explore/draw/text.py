"""An exploration for a terminal of 80 columns, the most important first."""

from __future__ import annotations

import textwrap
import unicodedata
from collections import Counter
from collections.abc import Iterator

from tenure.prepare.explore.facts import ColumnFacts, Finding, TargetFacts
from tenure.prepare.explore.report import Exploration
from tenure.prepare.explore.words import number_text, share_text, short, short_name

_WIDTH = 80
_MOST_FINDINGS = 12
_MOST_COLUMNS = 40
_MOST_PAIRS = 5
_LABELS = {"act": "ACT ", "look": "look", "note": "note"}


def draw_text(found: Exploration) -> str:
    """Lines of at most 80 characters."""
    lines = [*_overview(found), "", *_findings(found), "", *_columns(found)]
    strong = [pair for pair in found.associations if pair.size >= 0.5][:_MOST_PAIRS]
    if strong:
        lines += ["", "strongest associations (95 % interval)"]
        for pair in strong:
            s = pair.strength
            lines.append(
                f"  {_cell(pair.first, 22)} {_cell(pair.second, 22)} {s.value:5.2f} [{s.low:.2f}, {s.high:.2f}]"
            )
    return "\n".join(line.rstrip() for line in lines)


def _overview(found: Exploration) -> Iterator[str]:
    kinds = Counter(column.kind for column in found.columns)
    repeats = ""
    if found.repeats is not None:
        about = "" if found.repeats.is_exact else "about "
        repeats = f", {about}{found.repeats.n:,} repeated rows"
    yield f"{_clean(found.name, 40)}: {found.n_rows:,} rows ({found.scope}), {len(found.columns):,} columns"
    yield f"  {share_text(found.missing_share)} of the cells missing{repeats}"
    yield from textwrap.wrap(
        ", ".join(f"{n} {kind}" for kind, n in kinds.most_common()),
        _WIDTH - 2,
        initial_indent="  ",
        subsequent_indent="  ",
    )
    if found.target is not None:
        yield from _target(found.target)


def _target(target: TargetFacts) -> Iterator[str]:
    name = _clean(target.name, 30)
    if not target.classes:
        if target.overall:
            e = target.overall[0]
            yield f"  target {name}: mean {number_text(e.value)} [{number_text(e.low)}, {number_text(e.high)}]"
        return
    total = max(1, sum(target.counts.values()))
    shown = ", ".join(
        f"{_clean(label, 16)} {share_text(n / total)}" for label, n in list(target.counts.items())[:8]
    )
    yield from textwrap.wrap(
        f"target {name}: {shown}", _WIDTH - 2, initial_indent="  ", subsequent_indent="    "
    )


def _findings(found: Exploration) -> Iterator[str]:
    if not found.findings:
        yield "nothing that needs your attention"
        return
    yield "what to know"
    for finding in found.findings[:_MOST_FINDINGS]:
        yield from _finding(finding)
    if len(found.findings) > _MOST_FINDINGS:
        yield f"  ... and {len(found.findings) - _MOST_FINDINGS} more on the page"


def _finding(finding: Finding) -> Iterator[str]:
    subject = f"{_clean(finding.column, 30)}: " if finding.column else ""
    yield from textwrap.wrap(
        f"{_LABELS[finding.severity]} {subject}{_clean(finding.what, 200)}",
        _WIDTH - 2,
        initial_indent="  ",
        subsequent_indent="       ",
    )
    if finding.severity != "note":
        yield from textwrap.wrap(
            f"-> {_clean(finding.todo, 160)}",
            _WIDTH - 7,
            initial_indent="       ",
            subsequent_indent="          ",
        )


def _columns(found: Exploration) -> Iterator[str]:
    target = found.target.name if found.target else None
    inputs = [column for column in found.columns if column.name != target]
    tied = any(column.with_target for column in inputs)
    inputs.sort(key=lambda column: -column.with_target.size if column.with_target else 1.0)
    yield f"  {'column':<24} {'kind':<10} {'missing':>8} {'different':>10}  " + (
        "with target [95 %]" if tied else ""
    )
    for column in inputs[:_MOST_COLUMNS]:
        about = "~" if column.distinct_error else ""
        yield (
            f"  {_cell(column.name, 24)} {column.kind:<10} {share_text(column.missing_share):>8} "
            f"{about + format(column.distinct, ','):>10}  {_tie(column)}"
        )
    if len(inputs) > _MOST_COLUMNS:
        yield f"  ... and {len(inputs) - _MOST_COLUMNS} more on the page"


def _tie(column: ColumnFacts) -> str:
    if column.with_target is None:
        return ""
    s = column.with_target.strength
    return f"{s.value:5.2f} [{s.low:.2f}, {s.high:.2f}]"


def _clean(value: str, limit: int) -> str:
    """A text from the data without characters that could steer a terminal or turn its direction."""
    return short(_printable(value[: 4 * limit]), limit)


def _printable(value: str) -> str:
    return "".join(c if c.isprintable() else " " for c in value[:10_000])


def _cell(value: str, width: int) -> str:
    """A text cut and filled to a width; wide characters take two places."""
    shown, used = "", 0
    for c in short_name(_printable(value), width):
        size = 0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        if used + size > width:
            break
        shown, used = shown + c, used + size
    return shown + " " * (width - used)
