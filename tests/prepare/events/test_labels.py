"""The label's rule: what it says, and when it is too early to say it."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenure.errors import ExpressionError, TargetError
from tenure.prepare.date_text import micros_of
from tenure.prepare.events import build_panel, type_events
from tenure.prepare.events.labels import columns_of_label
from tests.prepare.events import reference
from tests.prepare.events.conftest import config
from tests.prepare.events.reference import DAY, Event
from tests.prepare.events.test_features import KNOWN_KINDS, config_of, events, moments, table_of

TWO_DAYS = {"table": "calls", "when": "none", "within": "2d"}


@settings(max_examples=40, deadline=None)
@given(st.lists(events, max_size=25), st.lists(moments, min_size=1, max_size=3, unique=True))
def test_labels_equal_those_of_a_loop_over_rows(drawn: list[Event], cutoffs: list[int]):
    rows = [*KNOWN_KINDS, *drawn]
    data = config_of(cutoffs, label=TWO_DAYS)
    until = max(event.known for event in rows)
    seen = {(e.key, c) for e in rows for c in cutoffs if max(e.time, e.known) <= c}
    expected = {at: reference.label(rows, *at, 2 * DAY, until) for at in seen}
    expected = {at: label for at, label in expected.items() if label is not None}
    typed = type_events("calls", table_of(rows).lazy(), data.tables["calls"])
    if len(set(expected.values())) < 2:
        return
    panel = build_panel(data, [typed], None, data.cutoffs.moments).rows
    found = {(row["customer"], micros_of(row["cutoff"])): row["quiet"] for row in panel.iter_rows(named=True)}
    assert found == expected


ROWS = [
    ("ann", "2024-01-01", "5"),
    ("ann", "2024-01-17", "9"),  # the last moment of the label window
    ("bob", "2024-01-02", "2"),
    ("bob", "2024-01-10", "4"),  # at the cutoff: past, and no part of the label
    ("eve", "2024-01-03", "1"),
    ("eve", "2024-01-10T00:00:01", "0"),
    ("eve", "2024-01-11", "3"),
]


def labels(panel: pl.DataFrame) -> dict[str, object]:
    return dict(panel.select("customer", "quiet").iter_rows())


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ({"when": "none"}, {"ann": "no", "bob": "yes", "eve": "no"}),
        ({"when": "any"}, {"ann": "yes", "bob": "no", "eve": "yes"}),
        ({"when": "none", "where": "minutes > 3"}, {"ann": "no", "bob": "yes", "eve": "yes"}),
        ({"aggregate": {"column": "minutes", "by": "sum"}}, {"ann": 9.0, "bob": 0.0, "eve": 3.0}),
        ({"aggregate": {"column": "minutes", "by": "mean"}}, {"ann": 9.0, "bob": None, "eve": 1.5}),
        ({"aggregate": {"column": "*", "by": "count"}}, {"ann": 1, "bob": 0, "eve": 2}),
    ],
)
def test_the_rule_says(panel_of, label: dict[str, object], expected: dict[str, object]):
    data = config(label={"table": "calls", "within": "7d", **label})
    assert labels(panel_of(data, ROWS).rows) == expected


def test_rows_whose_window_is_not_over_are_left_out_and_counted(panel_of):
    data = config(cutoffs=["2024-01-10", "2024-01-10T00:00:01", "2024-01-12"])
    panel = panel_of(data, ROWS)
    assert panel.rows["cutoff"].n_unique() == 1
    assert len(panel.rows) == 3
    (note,) = panel.warnings
    assert "6 row(s) were left out" in note
    assert "3 at 2024-01-10T00:00:01, 3 at 2024-01-12" in note
    assert "known up to 2024-01-17" in note


def test_until_says_how_far_the_table_is_complete(panel_of):
    label = {"table": "calls", "when": "none", "within": "7d"}
    data = config(cutoffs=["2024-01-05", "2024-01-10"], label={**label, "until": "2024-01-12"})
    assert panel_of(data, ROWS).rows["cutoff"].unique().dt.day().to_list() == [5]


def test_the_table_ends_when_its_last_row_became_known(panel_of):
    rows = [(key, time, time, minutes) for key, time, minutes in ROWS]
    rows.append(("ann", "2024-01-04", "2024-02-01", "1"))  # known late: the table reaches to February
    data = config({"known": "booked"}, cutoffs=["2024-01-10", "2024-01-12"])
    panel = panel_of(data, rows, "customer", "time", "booked", "minutes")
    assert panel.rows["cutoff"].n_unique() == 2
    assert any("stands alone" in warning for warning in panel.warnings)


def test_labels_that_are_all_alike_cannot_be_learned(panel_of):
    data = config(label={"table": "calls", "when": "none", "within": "1s", "where": "minutes > 100"})
    with pytest.raises(TargetError, match="every row is labelled 'yes'"):
        panel_of(data, ROWS)


@pytest.mark.parametrize(
    ("where", "mark", "reason"),
    [
        ("minutes >", ">", "not valid SQL"),
        ("minutes", "minutes", "a boolean is expected"),
        ("minutes > 'long'", "minutes > 'long'", "do not go together"),
        ("minute > 3", "minute", "did you mean 'minutes'"),
        ("minutes > AVG(minutes)", "AVG", "is an aggregate"),
        ("minutes = minutes AND 1 > CURRENT_DATE", "CURRENT_DATE", "differs from day to day"),
    ],
)
def test_a_condition_that_is_none_is_refused_with_its_place(panel_of, where: str, mark: str, reason: str):
    data = config(label={"table": "calls", "when": "none", "within": "7d", "where": where})
    with pytest.raises(ExpressionError, match=r"data\.label\.where") as caught:
        panel_of(data, ROWS)
    assert reason in str(caught.value)
    assert where[slice(*caught.value.at)] == mark


@pytest.mark.parametrize(
    ("where", "quiet"),
    [
        ("kind = 'order' AND paid", ["bob"]),
        ("NOT paid OR kind IS NULL", ["ann", "bob"]),
        ("UPPER(kind) LIKE 'REF%'", ["ann", "eve"]),
        ("due >= '2024-02-01'", ["bob"]),
        ("EXTRACT(MONTH FROM due) = 1", ["ann", "eve"]),
    ],
)
def test_a_condition_reads_every_kind_of_value(where: str, quiet: list[str]):
    data = config(label={"table": "calls", "when": "none", "within": "7d", "where": where})
    columns = ("customer", "time", "minutes", "kind", "due", "paid")
    rows = [
        ("ann", "2024-01-05", "1", None, None, None),
        ("ann", "2024-01-12", "3", "order", "2024-02-01", True),
        ("bob", "2024-01-05", "1", None, None, None),
        ("bob", "2024-01-12", "2", "refund", "2024-01-31", True),
        ("eve", "2024-01-05", "1", None, None, None),
        ("eve", "2024-01-11", "4", "order", "2024-02-02", False),
        ("eve", "2024-01-12", "4", "order", "2024-02-02", True),
        ("eve", "2024-01-17", "4", "order", "2024-02-02", True),
    ]
    table = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String) | {"paid": pl.Boolean}, orient="row")
    assert data.label is not None
    typed = type_events("calls", table.lazy(), data.tables["calls"], columns_of_label(data.label, columns))
    panel = build_panel(data, [typed], None, data.cutoffs.moments).rows
    assert panel.filter(pl.col("quiet") == "yes")["customer"].to_list() == quiet


def test_a_cutoff_with_one_label_only_is_told(panel_of):
    data = config(
        cutoffs=["2024-01-03", "2024-01-10"], label={"table": "calls", "when": "any", "within": "7d"}
    )
    panel = panel_of(
        data, [*ROWS, ("bob", "2024-01-09", "1"), ("ann", "2024-01-08", "1"), ("eve", "2024-01-08", "1")]
    )
    assert any("one label at 1 cutoff(s): 2024-01-03" in warning for warning in panel.warnings)
