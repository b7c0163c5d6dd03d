"""Drift of shape: columns that are missing, new, renamed, of another kind or in another order."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from tenure.config.schema import ColumnSchema, Severity, Stage, TableSchema
from tenure.prepare.schema.infer import is_retyped
from tenure.prepare.tokens import fold

Change = Literal["missing", "renamed", "new", "retyped", "reordered"]
# Names and contents of a column that was renamed are alike from here on.
_ALIKE_NAMES = 0.6
_ALIKE_CONTENT = 0.8
# Content alone tells, when it is this much alike and distinctive: a category's levels.
_SAME_CONTENT = 0.95


@dataclass(frozen=True, slots=True)
class ShapeChange:
    """One way in which a table's columns are not those of schema.json.

    column: the one in schema.json, or the new one.  text: what happened, for people.
    now: the new name of a renamed column.
    """

    change: Change
    column: str
    severity: Severity
    text: str
    now: str | None = None

    def __str__(self) -> str:
        return self.text

    def to_dict(self) -> dict[str, Any]:
        """The change as JSON data."""
        return asdict(self)


def compare_shape(
    schema: TableSchema, names: Sequence[str], learned: Mapping[str, ColumnSchema], stage: Stage
) -> list[ShapeChange]:
    """Compare a table's columns with the schema's; what is switched off is left out.

    names: the table's columns, in order.  learned: what was seen of those that were looked at; a column that is not
    among them is compared by name alone.  stage: prediction needs the features only; for training, a column that is
    no feature is missed as a warning.
    """
    missing = [name for name in schema.columns if name not in names]
    if stage != "prepare":
        missing = [name for name in missing if schema.columns[name].role == "feature"]
    new = [name for name in names if name not in schema.columns]
    renames = find_renames(
        {name: schema.columns[name] for name in missing},
        {name: learned.get(name, ColumnSchema()) for name in new},
    )
    found = [_missing(schema, name, stage, renames.get(name)) for name in missing]
    taken = {now for now, _ in renames.values()}
    for name in new:
        if name not in taken:
            text = f"column {name!r} is not in schema.json" + _learned(learned.get(name))
            found.append(ShapeChange("new", name, schema.severity_of("new_columns", stage), text))
    for name, column in learned.items():
        written = schema.columns.get(name)
        if written is not None and is_retyped(written, column) and "feature" in (written.role, column.role):
            text = f"column {name!r} is {_kind(written)} in schema.json and {_kind(column)} in this table"
            found.append(ShapeChange("retyped", name, schema.severity_of("type", stage, name), text))
    if moved := _moved([name for name in schema.columns if name in names], names):
        text = f"the columns stand in another order than in schema.json, from {moved!r} on; they are read by name"
        found.append(ShapeChange("reordered", moved, schema.severity_of("order", stage), text))
    return [change for change in found if change.severity != "off"]


def find_renames(
    missing: Mapping[str, ColumnSchema], new: Mapping[str, ColumnSchema]
) -> dict[str, tuple[str, str]]:
    """The new name of each missing column that seems to have one, and why; each new name is used once.

    By names that are alike with contents that do not contradict, or by contents that are the same and distinctive.
    """
    pairs = sorted(
        (-(name_score + content), old, now, why)
        for old, before in missing.items()
        for now, after in new.items()
        for name_score, content, why in [_evidence(old, before, now, after)]
        if (name_score >= _ALIKE_NAMES and content >= _ALIKE_CONTENT)
        or (content >= _SAME_CONTENT and before.levels is not None and len(before.levels) > 2)
    )
    found: dict[str, tuple[str, str]] = {}
    taken: set[str] = set()
    for _, old, now, why in pairs:
        if old not in found and now not in taken:
            found[old] = (now, why)
            taken.add(now)
    return found


def _evidence(old: str, before: ColumnSchema, now: str, after: ColumnSchema) -> tuple[float, float, str]:
    """How alike two columns are by name and by content, both 0 to 1, and in words; unknown content counts as 0.9."""
    one, other = (re.sub(r"[\W_]+", "", name.lower()) for name in (old, now))
    name = 1.0 if one == other else difflib.SequenceMatcher(None, one, other).ratio()
    content, what = 0.9, ""
    if before.kind is not None and after.kind is not None:
        content, what = _content(before, after)
    words = [*(["the names are alike"] if name >= _ALIKE_NAMES else []), *([what] if what else [])]
    return name, content, " and ".join(words)


def _content(before: ColumnSchema, after: ColumnSchema) -> tuple[float, str]:
    if {before.kind, after.kind} > {"number"} and {before.kind, after.kind} <= {"number", "integer"}:
        pass
    elif before.kind != after.kind:
        return 0.0, ""
    if before.levels and after.levels:
        one, other = set(map(fold, before.levels)), set(map(fold, after.levels))
        share = len(one & other) / min(len(one), len(other))
        return share, f"{len(one & other)} of {len(one)} levels are the same"
    (low, high), (seen_low, seen_high) = before.bounds, after.bounds
    if low is None or high is None or seen_low is None or seen_high is None:
        return 0.9, f"both are {_kind(before)}"
    together = max(0.0, min(high, seen_high) - max(low, seen_low))
    width = min(high - low, seen_high - seen_low)
    share = together / width if width > 0 else float(low <= seen_low <= high)
    return share, f"the ranges overlap by {share:.0%}"


def _missing(schema: TableSchema, name: str, stage: Stage, rename: tuple[str, str] | None) -> ShapeChange:
    written = schema.columns[name]
    severity = schema.severity_of("presence", stage, name)
    if severity == "error" and written.role != "feature":
        severity = "warning"
    if rename is None:
        return ShapeChange(
            "missing", name, severity, f"column {name!r} ({_kind(written)}) is not in the table"
        )
    now, why = rename
    text = f"column {name!r} is not in the table; it seems to be called {now!r} now: {why}"
    return ShapeChange("renamed", name, severity, text, now)


def _moved(expected: Sequence[str], names: Sequence[str]) -> str | None:
    """The first column that stands elsewhere than expected, among those that both have."""
    common = set(expected)
    for one, other in zip(expected, (name for name in names if name in common), strict=True):
        if one != other:
            return other
    return None


def _kind(column: ColumnSchema) -> str:
    if column.kind is None:
        return "of a kind that was not looked at"
    return f"an {column.kind}" if column.kind[0] in "ai" else f"a {column.kind}"


def _learned(column: ColumnSchema | None) -> str:
    return (
        "" if column is None or column.kind is None else f"; it holds {_kind(column).split(' ', 1)[1]} cells"
    )
