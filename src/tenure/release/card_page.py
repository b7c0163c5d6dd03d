"""A model card as sections of plain data, written as Markdown with YAML front matter, or as one HTML page."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files

import yaml

from tenure.release.dependence_plot import CSS as PLOTS

WIDTH = (
    "main{max-width:60rem;margin:0 auto;padding:0 1rem 3rem}h1{margin:1.5rem 0 .3rem}.wide{overflow-x:auto}"
)
CELLS = (
    "table{border-collapse:collapse}td,th{padding:.25rem .7rem;text-align:left;border-bottom:1px solid #8884}"
)


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a card. lines: sentences, one a bullet.  table: rows of cells, the first are the heads.

    drawings: HTML for the page, made of escaped data; only_markdown: the table is for where these are not.
    """

    title: str
    lines: Sequence[str] = ()
    table: Sequence[Sequence[str]] = ()
    drawings: Sequence[str] = ()
    only_markdown: bool = False


@dataclass(frozen=True, slots=True)
class Card:
    """The whole card. front: keys of a Hugging Face model card."""

    title: str
    front: Mapping[str, object]
    sections: Sequence[Section]

    def to_markdown(self) -> str:
        """YAML front matter, then the sections; those without content are left out."""
        front = yaml.safe_dump(dict(self.front), sort_keys=False, allow_unicode=True)
        told = [section for section in self.sections if section.lines or section.table]
        parts = [f"---\n{front}---", f"# {self.title}", *map(_markdown, told)]
        return "\n\n".join(parts) + "\n"

    def to_html(self) -> str:
        """One page that needs no network, in the style of the exploration."""
        style = files("tenure.prepare.explore.draw").joinpath("page.css").read_text(encoding="utf-8")
        told = [s for s in self.sections if s.lines or s.drawings or (s.table and not s.only_markdown)]
        body = "".join(map(_html, told))
        return (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width,initial-scale=1">'
            f"<title>{escape(self.title)}</title><style>{style}{WIDTH}{CELLS}{PLOTS}</style></head>"
            f"<body><main><h1>{escape(self.title)}</h1>{body}</main></body></html>\n"
        )


def _markdown(section: Section) -> str:
    lines = [f"## {section.title}", ""]
    if section.table:
        rows = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in section.table]
        lines += [rows[0], "| " + " | ".join("---" for _ in section.table[0]) + " |", *rows[1:]]
        lines += [""] if section.lines else []
    return "\n".join([*lines, *(f"- {line}" for line in section.lines)])


def _html(section: Section) -> str:
    parts = [f"<h2>{escape(section.title)}</h2>"]
    if section.table and not section.only_markdown:
        heads = "".join(f"<th>{escape(cell)}</th>" for cell in section.table[0])
        rows = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
            for row in section.table[1:]
        )
        parts.append(
            f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
        )
    if section.drawings:
        parts.append(f'<div class="plots">{"".join(section.drawings)}</div>')
    if section.lines:
        parts.append("<ul>" + "".join(f"<li>{_code(line)}</li>" for line in section.lines) + "</ul>")
    return f"<section>{''.join(parts)}</section>"


def _code(line: str) -> str:
    """Escaped, with what stands between backticks as code."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", escape(line))
