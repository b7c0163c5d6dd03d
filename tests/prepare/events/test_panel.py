"""The panel as a whole: whom it holds, what it warns of, and that training and serving see the same."""

from __future__ import annotations

import datetime

import polars as pl
import pytest

from tenure.errors import SourceError
from tenure.prepare.events import build_panel
from tests.prepare.events.conftest import config, typed

ROWS = [
    ("01", "2024-01-01", "5"),
    ("02", "2024-01-05", "2"),
    ("01", "2024-01-12", "9"),
    ("03", "2024-01-11", "1"),
    ("02", "2024-01-30", "1"),
]
CUSTOMERS = pl.DataFrame({"customer": ["02", "04", "01"], "plan": ["basic", "plus", "basic"]})


def test_without_a_source_the_customers_are_the_keys_seen_up_to_each_cutoff(panel_of):
    data = config(cutoffs=["2024-01-03", "2024-01-10", "2024-01-20"])
    panel = panel_of(data, ROWS).rows
    seen = panel.select("customer", pl.col("cutoff").dt.day()).rows()
    assert seen == [("01", 3), ("01", 10), ("02", 10), ("01", 20), ("02", 20), ("03", 20)]


def test_with_a_source_every_customer_stands_at_every_cutoff_with_its_columns(panel_of):
    data = config(source="customers.csv", cutoffs=["2024-01-10", "2024-01-20"])
    panel = panel_of(data, ROWS, source=CUSTOMERS)
    assert panel.rows["customer"].to_list() == ["02", "04", "01"] * 2
    assert panel.rows["plan"].to_list() == ["basic", "plus", "basic"] * 2
    assert panel.rows["calls_count_all"].to_list() == [1, 0, 1, 1, 0, 2]
    assert panel.rows.columns[:3] == ["customer", "cutoff", "plan"]
    assert panel.rows.columns[-1] == "quiet"
    assert any("1 event(s) of 1 key(s) that no row of data.source has: '03'" in w for w in panel.warnings)


def test_a_customer_enters_when_it_is_there(panel_of):
    since = CUSTOMERS.with_columns(joined=pl.Series(["2024-01-05", "2024-01-15", ""]))
    data = config(source="customers.csv", time="joined", cutoffs=["2024-01-03", "2024-01-10", "2024-01-20"])
    panel = panel_of(data, ROWS, source=since).rows
    assert panel.select("customer", pl.col("cutoff").dt.day()).rows() == [
        ("01", 3),
        ("02", 10),
        ("01", 10),
        ("02", 20),
        ("04", 20),
        ("01", 20),
    ]


def test_a_customer_whose_beginning_cannot_be_read_is_left_out_and_named(panel_of):
    many = pl.DataFrame(
        {"customer": [f"{n:02d}" for n in range(40)], "joined": ["2024-01-01"] * 38 + ["", "soon"]}
    )
    panel = panel_of(config(source="customers.csv", time="joined"), ROWS, source=many)
    assert "38" in panel.rows["customer"]
    assert "39" not in panel.rows["customer"]
    assert [(cell.row, cell.column) for cell in panel.problems["source"]] == [(39, "joined")]


def test_each_row_may_have_its_own_time(panel_of):
    orders = pl.DataFrame(
        {
            "customer": ["01", "02", "01", "99"],
            "placed": ["2024-01-13", "2024-01-05", "2024-01-01", "2024-01-20"],
            "quiet": ["yes", "no", "yes", "no"],
        }
    )
    data = config(source="orders.csv", time="placed", cutoffs=None, label=None)
    panel = panel_of(data, ROWS, source=orders)
    assert panel.rows.columns[:3] == ["customer", "placed", "quiet"]
    assert panel.rows["calls_count_all"].to_list() == [2, 1, 1, 0]
    assert panel.rows["calls_minutes_sum_7d"].to_list() == [9.0, 2.0, 5.0, 0.0]
    assert panel.rows.select(orders.columns).equals(orders)


def test_a_row_without_a_time_of_its_own_is_left_out_and_named(panel_of):
    orders = pl.DataFrame(
        {"customer": ["01"] * 30, "placed": ["2024-01-13"] * 29 + ["never"], "quiet": ["yes", "no"] * 15}
    )
    panel = panel_of(config(source="o.csv", time="placed", cutoffs=None, label=None), ROWS, source=orders)
    assert len(panel.rows) == 29
    assert [(cell.row, cell.column, cell.value) for cell in panel.problems["source"]] == [
        (29, "placed", "'never'")
    ]
    assert any("data.source: 1 row(s) were left out: row 29" in warning for warning in panel.warnings)


def test_the_panel_at_a_training_cutoff_equals_the_training_rows(panel_of):
    amounts = [f"{number / 7:.9f}" for number in range(300)]
    rows = [
        (f"{n % 11:02d}", f"2024-01-{1 + n * 5 % 28:02d}T{n % 24:02d}:30", amount)
        for n, amount in enumerate(amounts)
    ]
    calls = {"aggregates": {"minutes": ["sum", "mean", "last", "trend", "distinct"], "*": ["count"]}}
    cutoffs = ["2024-01-05", "2024-01-10", "2024-01-15"]
    training = panel_of(
        config(calls, cutoffs=cutoffs, label={"table": "calls", "when": "none", "within": "12h"}), rows
    )
    for cutoff in cutoffs:
        data = config(calls, cutoffs=[cutoff])
        serving = panel_of(data, rows, labelled=False).rows
        at = datetime.datetime.fromisoformat(cutoff)
        assert serving.equals(training.rows.filter(pl.col("cutoff") == at).drop("quiet"))


@pytest.mark.parametrize(
    ("cutoffs", "warning"),
    [
        (["2023-12-01", "2024-01-10"], "nobody is there yet at 1 cutoff(s): 2023-12-01"),
        (["2024-01-10", "2031-01-01"], "a time after 2024-01-30, the last time known in 'calls'"),
        (["2024-01-10", "2031-01-01"], "3 at 2031-01-01"),
    ],
)
def test_cutoffs_before_all_events_or_after_the_last_are_told(panel_of, cutoffs: list[str], warning: str):
    panel = panel_of(config(cutoffs=cutoffs), ROWS)
    assert any(warning in told for told in panel.warnings), panel.warnings


def test_rows_before_the_first_event_are_told(panel_of):
    data = config(source="customers.csv", cutoffs=["2023-12-30", "2024-01-10"])
    panel = panel_of(data, ROWS, source=CUSTOMERS)
    assert any("3 row(s) speak of a time before 2024-01-01" in warning for warning in panel.warnings)


def test_no_row_at_all_is_refused_with_the_reasons(panel_of):
    with pytest.raises(SourceError, match="no row is left") as caught:
        panel_of(config(cutoffs=["2023-01-01"]), ROWS)
    assert "nobody is there yet" in str(caught.value)


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (pl.DataFrame({"customer": ["01", "01"]}), "each 'customer' has one row; 1 have more, such as '01'"),
        (pl.DataFrame({"customer": ["01", None]}), r"1 row\(s\) have no 'customer', such as row 1"),
        (CUSTOMERS.rename({"customer": "custommer"}), "did you mean 'custommer'"),
        (CUSTOMERS.with_columns(cutoff=1), "the table has a column 'cutoff'"),
        (CUSTOMERS.with_columns(quiet=1), "the table has a column 'quiet'"),
        (CUSTOMERS.with_columns(calls_count_7d=1), "the table has a column 'calls_count_7d'"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(panel_of, source: pl.DataFrame, problem: str):
    with pytest.raises(SourceError, match=problem):
        panel_of(config(source="customers.csv"), ROWS, source=source)


def test_keys_that_never_meet_are_refused(panel_of):
    customers = pl.DataFrame({"customer": ["1", "2"]})
    with pytest.raises(
        SourceError, match=r"no event of 'calls' has a key that data\.source has: '01' and '1'"
    ):
        panel_of(config(source="customers.csv"), ROWS, source=customers)
    # to predict for a customer who never called is no mistake
    assert panel_of(config(source="customers.csv"), ROWS, source=customers, labelled=False).rows.height == 2


def test_an_event_table_without_usable_rows_gives_empty_features():
    calls = typed(config(), ROWS)
    visits = calls.__class__("visits", calls.rows.clear(), (), ())
    data = config(tables={name: config().tables["calls"] for name in ("calls", "visits")})
    panel = build_panel(data, [calls, visits], None, data.cutoffs.moments)
    assert panel.rows["visits_count_all"].to_list() == [0, 0]
    assert panel.rows["visits_minutes_last_all"].to_list() == [None, None]
    assert any("data.tables.visits has no usable event" in warning for warning in panel.warnings)
