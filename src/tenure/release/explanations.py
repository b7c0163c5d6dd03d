"""explanations.json of a release: its format, and its content in words and tables for report and card."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

FORMAT = "tenure-explanations/1"
FILE = "explanations.json"
TOLD = 5

Rows = list[list[str]]


def describe_explanations(body: Mapping[str, Any]) -> list[str]:
    """A line or two for the report of a run."""
    if not body:
        return []
    lines = []
    permutation = body["permutation"]
    if permutation["measured"]:
        top = ", ".join(f"{c['column']} {_interval(c)}" for c in permutation["columns"][:TOLD])
        lines.append(f"what the {permutation['loss']} rises by when a column is shuffled: {top}")
    else:
        lines.append(f"permutation importance was not measured: {permutation['why']}")
    lines.append(stability_line(body["stability"]))
    pairs = body["interactions"].get("pairs") or ()
    if pairs:
        lines.append(f"act together most: {_pair_line(pairs[0], body['interactions']['scale'])}")
    return lines


def stability_line(stability: Mapping[str, Any]) -> str:
    """Whether explanations are stable, in a sentence."""
    if not stability["measured"]:
        return f"stability of explanations was not measured: {stability['why']}"
    moved, ranks = stability["moved"], stability["ranks"]
    return (
        f"in {stability['fits']} fits on other rows {moved['median']:.0%} of the importance lies on other columns "
        f"(median; at most {moved['most']:.0%}); their order agrees by {ranks['median']:.2f}, 1 is the same"
    )


def permutation_table(permutation: Mapping[str, Any]) -> Rows:
    """Columns with what the loss rises by, the first row the heads; [] where it was not measured."""
    if not permutation["measured"]:
        return []
    return [
        ["column shuffled", f"{permutation['loss']} rises by"],
        *([c["column"], _interval(c)] for c in permutation["columns"][:10]),
    ]


def permutation_note(permutation: Mapping[str, Any]) -> str:
    """What the numbers of the table are."""
    if not permutation["measured"]:
        return f"Permutation importance was not measured: {permutation['why']}."
    left = permutation["left_out"]
    more = f"; {len(left)} weaker columns were not measured" if left else ""
    return (
        f"Measured on {permutation['rows']:,} validation rows with {permutation['permutations']} permutations, by "
        f"{permutation['by']}, which were not fitted on them; in brackets 95 % intervals over rows and "
        f"permutations{more}."
    )


def dependence_table(entry: Mapping[str, Any]) -> Rows:
    """One column's bins, the first row the heads."""
    heads = [entry["column"], "rows", "mean effect", "10 % to 90 %"]
    return [heads, *(bin_cells(one) for one in entry["bins"])]


def bin_cells(one: Mapping[str, Any]) -> list[str]:
    """A bin as cells of a table."""
    return [
        one["label"],
        f"{one['rows']:,}",
        f"{one['mean']:+.4g}",
        f"{one['p10']:+.4g} to {one['p90']:+.4g}",
    ]


def dependence_title(entry: Mapping[str, Any]) -> str:
    """What the table or drawing shows."""
    what = "the number predicted" if entry["outcome"] is None else f"the chance of {entry['outcome']}"
    return f"{entry['column']}: effect on {what}"


def interaction_lines(found: Mapping[str, Any]) -> list[str]:
    """A line a pair, with what it means where that was worked out."""
    if not found["measured"]:
        return [f"Interactions were not measured: {found['why']}."]
    if not found["pairs"]:
        return [f"No two of {', '.join(found['columns'])} act together: the model is additive in them."]
    return [_pair_line(pair, found["scale"]) for pair in found["pairs"]]


def _pair_line(pair: Mapping[str, Any], scale: str) -> str:
    first, second = pair["columns"]
    line = (
        f"{first} and {second}: {_percent(pair['h2'])} of what they do together is neither's alone "
        f"({pair['strength']:.3g} in {scale})"
    )
    corners = pair.get("corners")
    if not corners:
        return line
    (a, b), (_, d), (c, _) = (corners[i]["values"] for i in (0, 1, 2))
    scores = [corner["score"] for corner in corners]
    return (
        f"{line}; {first} from {a} to {c} moves the mean score by {scores[2] - scores[0]:+.3g} where {second} is {b}, "
        f"by {scores[3] - scores[1]:+.3g} where it is {d}"
    )


def explanation_sections(body: Mapping[str, Any]) -> list[str]:
    """The part of the card that a release holds, as Markdown."""
    lines = ["", "### When a column is shuffled", "", permutation_note(body["permutation"])]
    lines += _markdown(permutation_table(body["permutation"]))
    lines += ["", "### Stability", "", stability_line(body["stability"])]
    lines += ["", "### Columns that act together", ""]
    lines += [f"- {line}" for line in interaction_lines(body["interactions"])]
    for entry in body["dependence"]["columns"]:
        lines += ["", f"### {dependence_title(entry)}", *_markdown(dependence_table(entry))]
    return lines


def _markdown(table: Sequence[Sequence[str]]) -> list[str]:
    if not table:
        return []
    heads, *rows = [[cell.replace("|", "\\|") for cell in row] for row in table]
    lines = ["", "| " + " | ".join(heads) + " |", "| " + " | ".join("---" for _ in heads) + " |"]
    return [*lines, *("| " + " | ".join(row) + " |" for row in rows)]


def _percent(share: float) -> str:
    return f"{share:.1%}" if share < 0.1 else f"{share:.0%}"


def _interval(found: Mapping[str, Any]) -> str:
    """A number with its interval, all with the decimals that give the largest three digits.

    >>> _interval({"value": 0.00434, "low": -0.0000998, "high": 0.00878})
    '0.00434 [-0.00010, 0.00878]'
    """
    numbers = [found["value"], found["low"], found["high"]]
    largest = max(abs(number) for number in numbers)
    decimals = max(0, 2 - math.floor(math.log10(largest))) if largest > 0.0 else 0
    value, low, high = (f"{number:,.{decimals}f}" for number in numbers)
    return f"{value} [{low}, {high}]"
