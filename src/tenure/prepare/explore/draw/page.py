"""The page: its sections in order, with style and script inside."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from string import Template

from tenure import __version__
from tenure.prepare.explore.draw.cards import draw_card
from tenure.prepare.explore.draw.marks import named
from tenure.prepare.explore.draw.overview import draw_findings, draw_strongest, draw_tiles
from tenure.prepare.explore.draw.sections import draw_associations, draw_gaps, draw_head, draw_trends
from tenure.prepare.explore.report import Exploration
from tenure.prepare.explore.words import short


def draw_page(found: Exploration) -> str:
    """The exploration as one HTML document."""
    numbers = {column.name: position for position, column in enumerate(found.columns)}
    sections = [
        ("findings", "What to know", draw_findings(found, numbers)),
        ("strongest", "What tells the target", draw_strongest(found, numbers)),
        ("columns", "Columns", _columns(found)),
        ("gaps", "Missing cells", draw_gaps(found)),
        ("associations", "Associations", draw_associations(found, numbers)),
        ("trends", "Over time", draw_trends(found)),
        ("head", "First rows", draw_head(found)),
        ("reading", "How to read this page", _reading(found)),
    ]
    sections = [section for section in sections if section[2]]
    nav = "".join(f'<a href="#{key}">{title}</a>' for key, title, _ in sections)
    body = "".join(
        f'<section id="{key}"><h2>{title}</h2>{content}</section>' for key, title, content in sections
    )
    return Template(_asset("page.html")).substitute(
        title=escape(short(found.name)),
        heading=named(found.name),
        style=_asset("page.css"),
        script=_asset("page.js"),
        tiles=draw_tiles(found),
        nav=nav,
        body=body,
        version=escape(__version__),
    )


def draw_frame(found: Exploration) -> str:
    """The page inside a frame, for a notebook."""
    return (
        f'<iframe srcdoc="{escape(draw_page(found))}" title="exploration of {escape(short(found.name))}" '
        'style="width:100%;height:48rem;border:1px solid #8884;border-radius:6px"></iframe>'
    )


def _asset(name: str) -> str:
    return files("tenure.prepare.explore.draw").joinpath(name).read_text(encoding="utf-8")


def _columns(found: Exploration) -> str:
    if not found.columns:
        return ""
    kinds = sorted({column.kind for column in found.columns})
    choices = "".join(f'<option value="{kind}">{kind}</option>' for kind in kinds)
    tied = '<option value="strength">strongest with the target</option>' if found.target else ""
    cards = "".join(draw_card(column, number, found.target) for number, column in enumerate(found.columns))
    return (
        '<form class="tools" role="search" onsubmit="return false">'
        '<label>Search <input type="search" id="search" placeholder="name of a column"></label>'
        f'<label>Kind <select id="kind"><option value="">all</option>{choices}</select></label>'
        f'<label>Order <select id="order"><option value="order">as in the table</option>{tied}'
        '<option value="missing">most missing</option><option value="distinct">most different values</option>'
        '<option value="name">by name</option></select></label>'
        f'<output id="shown" aria-live="polite">{len(found.columns)} columns</output></form>'
        f'<div id="cards">{cards}</div>'
    )


def _reading(found: Exploration) -> str:
    everything = found.n_sample == found.n_rows
    rows = (
        f"All figures are of {escape(found.scope)}: {found.n_rows:,}."
        if everything
        else f"Counts, missing cells, quantiles, histograms and most frequent cells are of {escape(found.scope)} "
        f"({found.n_rows:,}). What is drawn by the target, gaps, associations and trends are from a sample of "
        f"{found.n_sample:,} rows, chosen by row number, the same every time."
    )
    return (
        f"<p>{rows} Every interval is a 95 % interval: Wilson's for shares, the normal one for means.</p>"
        "<p><b>Associations</b> run from 0 (none) to 1. Two columns of numbers: Spearman's rank correlation, with its "
        "sign. Two columns of words: Cramér's V, corrected for bias. Words and numbers: the correlation ratio of the "
        "ranks. They tell of single columns; a column that is weak alone can be strong with others.</p>"
        "<p><b>Bins</b> by the target hold about equally many rows each. In a track, the line is the whole table; a "
        "dot is coloured where its interval leaves that line out. With many rows of a page, one in twenty does so by "
        "chance.</p>"
    )
