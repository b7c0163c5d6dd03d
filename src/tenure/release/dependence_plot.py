"""A small drawing of one column's dependence: mean effect, range of most rows, and number of rows of each bin."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from tenure.release.explanations import bin_cells, dependence_title

CSS = (
    ".plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,26rem),1fr));gap:.8rem}"
    ".dependence{width:100%;height:auto;display:block}.dependence text{fill:var(--ink);font-size:11.5px}"
    ".dependence .soft{fill:var(--soft)}.dependence .zero{stroke:var(--soft);stroke-dasharray:3 3}"
    ".dependence .range{stroke:var(--plain);stroke-width:6;stroke-linecap:round}"
    ".dependence circle{fill:var(--accent)}.dependence .up{fill:var(--hit)}"
)
_WIDTH, _LINE, _TOP = 420.0, 22.0, 6.0
_LEFT, _RIGHT = 172.0, 50.0
_LONGEST_LABEL = 25


def draw_dependence(entry: Mapping[str, Any]) -> str:
    """An SVG with its title; a line a bin from the top, so that long labels have room on a narrow screen."""
    bins = entry["bins"]
    low = min(0.0, *(one["p10"] for one in bins), *(one["mean"] for one in bins))
    high = max(0.0, *(one["p90"] for one in bins), *(one["mean"] for one in bins))
    span = (high - low) or 1.0

    def x(value: float) -> float:
        return float(_LEFT + (_WIDTH - _LEFT - _RIGHT) * (value - low) / span)

    height = _TOP + _LINE * len(bins) + 18
    floor = _TOP + _LINE * len(bins)
    lines = [_bin(one, _TOP + _LINE * (place + 0.5), x) for place, one in enumerate(bins)]
    title = escape(dependence_title(entry))
    return (
        f'<figure><figcaption>{title}</figcaption><svg class="dependence" viewBox="0 0 {_WIDTH:.0f} {height:.0f}" '
        f'role="img" aria-label="{title}">'
        f'<line class="zero" x1="{x(0):.1f}" x2="{x(0):.1f}" y1="0" y2="{floor:.0f}"/>{"".join(lines)}'
        f'<text class="soft" x="{x(low):.1f}" y="{floor + 14:.0f}">{low:+.3g}</text>'
        f'<text class="soft" x="{x(high):.1f}" y="{floor + 14:.0f}" text-anchor="end">{high:+.3g}</text>'
        f'<text class="soft" x="{_WIDTH:.0f}" y="{floor + 14:.0f}" text-anchor="end">rows</text></svg></figure>'
    )


def _bin(one: Mapping[str, Any], y: float, x: Any) -> str:
    label = one["label"] if len(one["label"]) <= _LONGEST_LABEL else one["label"][: _LONGEST_LABEL - 1] + "…"
    told = escape(", ".join(bin_cells(one)))
    side = "up" if one["mean"] > 0 else "down"
    return (
        f"<g><title>{told}</title>"
        f'<text x="{_LEFT - 8:.0f}" y="{y + 4:.1f}" text-anchor="end">{escape(label)}</text>'
        f'<line class="range" x1="{x(one["p10"]):.1f}" x2="{x(one["p90"]):.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<circle class="{side}" cx="{x(one["mean"]):.1f}" cy="{y:.1f}" r="4.5"/>'
        f'<text class="soft" x="{_WIDTH:.0f}" y="{y + 4:.1f}" text-anchor="end">{one["rows"]:,}</text></g>'
    )
