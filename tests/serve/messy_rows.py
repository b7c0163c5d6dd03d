"""Rows as clients send them, good and bad: what hypothesis draws, and what each protocol makes of them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

import msgspec
from hypothesis import strategies as st

Row = dict[str, Any]

_TEXTS = ["", " ", "NA", "?", "null", "yes", "No", " no ", "TRUE", "0", "1", "12", " 7.5 ", "1,234.5", "-3e2"]
_TEXTS += ["1e400", "Two year", "two  YEAR", "one year", "Weekly", "2021-05-03", "2021-02-30", "03.05.2021"]
_TEXTS += ["2021-05-03T10:00:00Z", "é", "\u00a0", "\U0001f600", "x" * 300, "=1+1", 'a "b", c\nd', "refund"]
_NUMBERS = [0, 1, -1, 7, 72, 73, 10**6, 2**63, 10**39, 0.1, -0.0, 29.85, 1e-300, 1e38, 1.0000001e38, 20210503]

texts = st.sampled_from(_TEXTS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
cells = st.one_of(
    st.none(),
    texts,
    st.sampled_from(_NUMBERS),
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.sampled_from([[], [1], {}, {"a": 1}]),
)
"""Any cell: most are bad ones somewhere."""


@st.composite
def rows(draw: st.DrawFn, good: Sequence[Row], cell: st.SearchStrategy[Any] = cells) -> Row:
    """A good row in which some cells are others, are gone, or are too many."""
    row = dict(draw(st.sampled_from(good)))
    for name in draw(st.lists(st.sampled_from(list(row)), max_size=3, unique=True)):
        row[name] = draw(cell)
    if draw(st.integers(0, 9)) == 0:
        row.pop(draw(st.sampled_from(list(row))))
    if draw(st.integers(0, 9)) == 0:
        row[draw(st.sampled_from(["extra", "", "Months", "months "]))] = draw(cell)
    return row


def as_records(rows: Sequence[Row]) -> bytes:
    return msgspec.json.encode({"dataframe_records": rows})


def as_split(rows: Sequence[Row]) -> bytes:
    names = list(rows[0])
    body = {"columns": names, "data": [[row[name] for name in names] for row in rows]}
    return msgspec.json.encode({"dataframe_split": body})


def as_inputs(rows: Sequence[Row]) -> bytes:
    return msgspec.json.encode({"inputs": {name: [row[name] for row in rows] for name in rows[0]}})


def as_csv(rows: Sequence[Row]) -> bytes:
    """None becomes an empty cell; for rows whose other cells are all text."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(rows[0])
    writer.writerows(["" if cell is None else cell for cell in row.values()] for row in rows)
    return text.getvalue().encode()


def as_tensors(rows: Sequence[Row]) -> bytes | None:
    """One input a column; None where a column's cells have no one datatype."""
    inputs = []
    for name in rows[0]:
        values = [row[name] for row in rows]
        datatype = _datatype([value for value in values if value is not None])
        if datatype is None:
            return None
        inputs.append({"name": name, "shape": [len(rows)], "datatype": datatype, "data": values})
    return json.dumps({"inputs": inputs}).encode()


def _datatype(values: Sequence[Any]) -> str | None:
    kinds = {type(value) for value in values}
    if kinds <= {str}:
        return "BYTES"
    if kinds <= {int, float}:
        return "FP64"
    return "BOOL" if kinds == {bool} else None
