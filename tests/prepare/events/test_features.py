"""Features as of a time: against loops over rows, at the edges of windows, and with the future in the table."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenure.config import DataConfig
from tenure.prepare.date_text import micros_of
from tenure.prepare.events import build_panel, pairs, type_events
from tests.prepare.events import reference
from tests.prepare.events.conftest import config
from tests.prepare.events.reference import DAY, Event

START = micros_of(datetime(2024, 1, 1, tzinfo=UTC))
WINDOWS = {"2d": 2 * DAY, "36h": 3 * DAY // 2, "all": None}
AGGREGATES = {
    "minutes": ["sum", "mean", "min", "max", "last", "distinct", "trend"],
    "kind": ["last", "distinct"],
    "*": ["count", "days_since_last"],
}

# half days, so that times fall on cutoffs and on the ends of windows as often as not
moments = st.integers(0, 16).map(lambda half: START + half * DAY // 2)
events = st.builds(
    lambda key, time, late, minutes, kind: Event(key, time, time + late, minutes, kind),
    st.sampled_from(["07", "7", "ann"]),
    moments,
    st.sampled_from([0, 0, DAY // 2, 3 * DAY]),
    st.none() | st.integers(-40, 40).map(lambda quarters: quarters / 4),
    st.none() | st.sampled_from(["in", "out"]),
)


def written(micros: int) -> str:
    return datetime.fromtimestamp(micros / 1e6, UTC).replace(tzinfo=None).isoformat()


def table_of(rows: list[Event]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "customer": [event.key for event in rows],
            "time": [written(event.time) for event in rows],
            "booked": [written(event.known) for event in rows],
            "minutes": [None if event.minutes is None else str(event.minutes) for event in rows],
            "kind": [event.kind for event in rows],
        },
        schema_overrides={"minutes": pl.String, "kind": pl.String},
    )


def config_of(cutoffs: list[int], **data: object) -> DataConfig:
    calls = {"known": "booked", "windows": list(WINDOWS), "aggregates": AGGREGATES}
    return config(calls, cutoffs=[written(cutoff) for cutoff in cutoffs], **data)


# a filled pair of rows, so that the kinds of the columns are known whatever else is drawn
KNOWN_KINDS = [Event("other", START, START, 1.5, "in"), Event("other", START, START, 2.5, "out")]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(events, max_size=25),
    st.lists(moments, min_size=1, max_size=3, unique=True),
    st.sampled_from([1, 3, 10**6]),
)
def test_features_equal_those_of_a_loop_over_rows(drawn: list[Event], cutoffs: list[int], most_pairs: int):
    rows = [*KNOWN_KINDS, *drawn]
    data = config_of(cutoffs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairs, "_MOST_PAIRS", most_pairs)
        typed = type_events("calls", table_of(rows).lazy(), data.tables["calls"])
        panel = build_panel(data, [typed], None, data.cutoffs.moments, labelled=False).rows
    seen = {(e.key, c) for e in rows for c in cutoffs if max(e.time, e.known) <= c}
    found = {(row["customer"], micros_of(row["cutoff"])): row for row in panel.iter_rows(named=True)}
    assert set(found) == seen
    assert len(panel) == len(seen)
    for (key, cutoff), row in found.items():
        for name, window, column, aggregate in data.tables["calls"].features("calls"):
            visible = reference.values_in_window(rows, key, cutoff, WINDOWS[window], column)
            expected = reference.aggregate(aggregate, visible, cutoff)
            assert row[name] == (expected if isinstance(expected, str) else pytest.approx(expected)), name


def test_an_event_known_later_does_not_enter_though_it_was_earlier(panel_of):
    data = config({"known": "booked"})
    rows = [
        ("ann", "2024-01-01", "2024-01-01", "5"),
        ("ann", "2024-01-03", "2024-01-11", "700"),  # before the cutoff, heard of after it
        ("ann", "2024-01-30", "2024-01-30", "1"),
    ]
    columns = ("customer", "time", "booked", "minutes")
    panel = panel_of(data, rows, *columns, labelled=False).rows
    assert panel["calls_minutes_sum_all"].to_list() == [5.0]
    assert panel["calls_count_all"].to_list() == [1]
    assert panel["calls_days_since_last_all"].to_list() == [9.0]
    # what is planted is found once it is known: the test can fail
    later = panel_of(config({"known": "booked"}, cutoffs=["2024-01-11"]), rows, *columns, labelled=False).rows
    assert later["calls_minutes_sum_all"].to_list() == [705.0]


def test_no_value_of_the_future_changes_a_feature(panel_of):
    past = [("ann", "2024-01-01", "5"), ("bob", "2024-01-10", "7")]
    future = [
        ("ann", "2024-01-10T00:00:01", "1e9"),
        ("bob", "2024-02-01", "-1e9"),
        ("eve", "2024-01-11", "3"),
    ]
    without = panel_of(config(), past, labelled=False).rows
    assert panel_of(config(), [*future, *past], labelled=False).rows.equals(without)


@pytest.mark.parametrize(
    ("time", "count"),
    [
        ("2024-01-10", 1),  # at the cutoff: past
        ("2024-01-10T00:00:00.000001", 0),
        ("2024-01-03", 0),  # at the open end of the window
        ("2024-01-03T00:00:00.000001", 1),
    ],
)
def test_a_window_is_open_at_its_start_and_closed_at_the_cutoff(panel_of, time: str, count: int):
    panel = panel_of(config(), [("ann", "2023-01-01", "1"), ("ann", time, "1")], labelled=False).rows
    assert panel["calls_count_7d"].to_list() == [count]


def test_an_empty_window_counts_nothing_and_says_nothing_else(panel_of):
    data = config({"windows": ["7d"], "aggregates": AGGREGATES})
    rows = [("ann", "2023-01-01", "5", "in"), ("bob", "2023-01-01", "6", "out")]
    row = panel_of(data, rows, "customer", "time", "minutes", "kind", labelled=False).rows.row(0, named=True)
    zero = {"calls_minutes_sum_7d", "calls_minutes_distinct_7d", "calls_kind_distinct_7d", "calls_count_7d"}
    assert {name for name, value in row.items() if value == 0} == zero
    assert {name for name, value in row.items() if value is None} == (
        set(row) - zero - {"customer", "cutoff"}
    )


def test_features_have_the_same_bits_whatever_other_rows_there_are(panel_of):
    amounts = [f"{(number * 7919 % 1000) / 7:.13f}" for number in range(400)]
    mine = [("ann", f"2023-{1 + i % 12:02d}-{1 + i % 28:02d}", amount) for i, amount in enumerate(amounts)]
    others = [(f"c{i % 900}", "2023-06-01", str(i / 3) if i % 5 else "") for i in range(9000)]
    aggregates = {"minutes": ["sum", "mean", "trend"]}
    alone = panel_of(config({"aggregates": aggregates}), mine, labelled=False).rows
    beside = panel_of(config({"aggregates": aggregates}), [*others, *mine], labelled=False).rows
    assert beside.filter(pl.col("customer") == "ann").equals(alone)
