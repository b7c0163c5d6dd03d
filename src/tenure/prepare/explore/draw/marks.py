"""Small drawings that the page is made of. Whatever comes from the data is escaped here."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

from tenure.prepare.explore.facts import ColumnFacts, Group
from tenure.prepare.explore.words import number_text, range_text, share_text, short, short_name
from tenure.records import Estimate

_WIDTH, _HEIGHT, _FLOOR = 320.0, 96.0, 80.0
_MOST_COLOURS = 8
# Of long names enough is kept for the title that shows when the pointer rests.
_LONGEST_TITLE = 300


def text(value: str, limit: int = 60) -> str:
    """A text from the data, cut and escaped, with the rest of it in its title where it was cut."""
    shown = short(value, limit)
    if shown == value:
        return f"<bdi>{escape(shown)}</bdi>"
    return f'<bdi title="{escape(short(value, _LONGEST_TITLE))}">{escape(shown)}</bdi>'


def named(name: str, limit: int = 60) -> str:
    """The name of a column, cut in the middle and escaped, with the whole of it in its title where it was cut."""
    shown = short_name(name, limit)
    if shown == name:
        return f"<bdi>{escape(shown)}</bdi>"
    return f'<bdi title="{escape(short(name, _LONGEST_TITLE))}">{escape(shown)}</bdi>'


def percent(share: float) -> str:
    """A share as a CSS length."""
    return f"{100 * min(1.0, max(0.0, share)):.2f}%"


class Scale:
    """Where values lie on a track from left to right, and how they are written."""

    def __init__(self, estimates: Iterable[Estimate], *, is_share: bool) -> None:
        finite = [e for e in estimates if math.isfinite(e.value)]
        values = [e.value for e in finite]
        ends = [v for e in finite for v in (e.low, e.high) if math.isfinite(v)]
        self.is_share = is_share
        self.low, self.high = (0.0, 1.0)
        if ends:
            spread = (max(values) - min(values)) or abs(values[0]) or 1.0
            # A wide interval of few rows must not squeeze the rest.
            self.low = max(min(ends), min(values) - spread)
            self.high = min(max(ends), max(values) + spread)
            if is_share:
                self.low, self.high = 0.0, min(1.0, max(1.15 * self.high, 0.02))
            elif self.high <= self.low:
                self.low, self.high = self.low - 1.0, self.high + 1.0

    def at(self, value: float) -> float:
        """The position of a value, 0 to 1."""
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))

    def write(self, value: float) -> str:
        """The value as text."""
        return share_text(value) if self.is_share else number_text(value)

    def tell(self, estimate: Estimate) -> str:
        """The value with its interval, as text."""
        if not math.isfinite(estimate.high):
            return f"{self.write(estimate.value)} (one row)"
        return f"{self.write(estimate.value)} ({self.write(estimate.low)} to {self.write(estimate.high)})"


def track(estimate: Estimate, scale: Scale, base: float | None, *, filled: bool = False) -> str:
    """A dot with its interval on a track; base: a line to compare it with; filled: a bar leads up to the dot."""
    low, high = scale.at(estimate.low), scale.at(estimate.high)
    line = f'<i class="base" style="left:{percent(scale.at(base))}"></i>' if base is not None else ""
    if filled:
        line = f'<i class="fill" style="width:{percent(scale.at(estimate.value))}"></i>'
    away = base is not None and not estimate.low <= base <= estimate.high
    return (
        f'<span class="track{" away" if away else ""}" title="{escape(scale.tell(estimate))}">{line}'
        f'<i class="span" style="left:{percent(low)};width:{percent(high - low)}"></i>'
        f'<i class="dot" style="left:{percent(scale.at(estimate.value))}"></i></span>'
    )


def stack(shares: Sequence[Estimate], classes: Sequence[str]) -> str:
    """Shares of the classes side by side, with their intervals in the titles."""
    parts = "".join(
        f'<i class="k{min(k, _MOST_COLOURS - 1)}" style="width:{percent(e.value)}" '
        f'title="{escape(short(label, 40))}: {share_text(e.value)} ({share_text(e.low)} to {share_text(e.high)})"></i>'
        for k, (e, label) in enumerate(zip(shares, classes, strict=True))
    )
    return f'<span class="stack">{parts}</span>'


def bar(share: float, most: float) -> str:
    """A bar of a share, against the largest."""
    return f'<span class="bar"><i style="width:{percent(share / most if most else 0.0)}"></i></span>'


def histogram(column: ColumnFacts, n_classes: int, *, is_binary: bool) -> str:
    """Bins of equal width; coloured by the shares of the target's classes."""
    bins = column.histogram
    most = max(group.share for group in bins) or 1.0
    width = _WIDTH / len(bins)
    # Whole numbers stand in the middle of their bins.
    inset = 0.5 if column.kind == "integer" else 0.0
    parts = []
    for position, group in enumerate(bins):
        height = (_FLOOR - 4) * group.share / most
        low, high = _end(group.low) + inset, _end(group.high) - inset
        title = f"{range_text(low, high, column.kind)}: {share_text(group.share)}"
        if is_binary and group.target:
            title += f", target {share_text(group.target[0].value)}"
        x, w = position * width, max(0.5, width - 1)
        parts.append(
            f"<g><title>{escape(title)}</title>{_pile(x, w, height, group, n_classes, is_binary)}</g>"
        )
    first, last = _end(bins[0].low) + inset, _end(bins[-1].high) - inset
    below, above = (f" ({share_text(s)} beyond)" if s > 1e-9 else "" for s in column.beyond)
    labels = (
        f'<text x="0" y="93">{escape(number_text(first, column.kind) + below)}</text>'
        f'<text x="{_WIDTH:.0f}" y="93" text-anchor="end">{escape(number_text(last, column.kind) + above)}</text>'
    )
    name = escape(f"histogram of {short(column.name)}")
    return (
        f'<svg class="histogram" viewBox="0 0 {_WIDTH:.0f} {_HEIGHT:.0f}" role="img" aria-label="{name}">'
        f'{"".join(parts)}<line x1="0" x2="{_WIDTH:.0f}" y1="{_FLOOR}" y2="{_FLOOR}"/>{labels}</svg>'
    )


def _end(value: float | None) -> float:
    return math.nan if value is None else value


def _pile(x: float, w: float, height: float, group: Group, n_classes: int, is_binary: bool) -> str:
    def piece(y: float, h: float, css: str) -> str:
        return f'<rect class="{css}" x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{max(h, 0):.1f}"/>'

    if not n_classes or not group.target:
        return piece(_FLOOR - height, height, "plain")
    if is_binary:
        hits = height * group.target[0].value
        return piece(_FLOOR - height, height - hits, "plain") + piece(_FLOOR - hits, hits, "hit")
    drawn, y = [], _FLOOR
    for k, estimate in enumerate(group.target):
        y -= height * estimate.value
        drawn.append(piece(y, height * estimate.value, f"k{min(k, _MOST_COLOURS - 1)}"))
    return "".join(drawn)


def line(values: Sequence[Estimate], labels: Sequence[str], scale: Scale, *, height: float = 44.0) -> str:
    """A line through estimates in order, with the band of their intervals."""
    step = _WIDTH / max(1, len(values) - 1)

    def y(value: float) -> float:
        return 2 + (height - 4) * (1 - scale.at(value))

    known = [(i, e) for i, e in enumerate(values) if math.isfinite(e.value)]
    upper = [f"{i * step:.1f},{y(e.high if math.isfinite(e.high) else e.value):.1f}" for i, e in known]
    lower = [
        f"{i * step:.1f},{y(e.low if math.isfinite(e.low) else e.value):.1f}" for i, e in reversed(known)
    ]
    path = " ".join(f"{i * step:.1f},{y(e.value):.1f}" for i, e in known)
    half = step / 2
    hovers = "".join(
        f'<rect class="hover" x="{i * step - half:.1f}" y="0" width="{step:.1f}" height="{height:.0f}">'
        f"<title>{escape(labels[i])}: {escape(scale.tell(e))}</title></rect>"
        for i, e in known
    )
    return (
        f'<svg class="line" viewBox="0 0 {_WIDTH:.0f} {height:.0f}" preserveAspectRatio="none" role="img" '
        f'aria-label="line over {len(values)} periods"><polygon points="{" ".join(upper + lower)}"/>'
        f'<polyline points="{path}"/>{hovers}</svg>'
    )
