"""The date arithmetic agrees with Python's calendar."""

from __future__ import annotations

import calendar
import datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenure.prepare.date_columns import read_dates
from tenure.prepare.date_text import (
    DAY,
    FORMATS,
    choose_formats,
    days_in_month,
    days_of,
    groups_of,
    micros_of,
    parser,
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.dates())
def test_days(day: datetime.date) -> None:
    assert days_of(day.year, day.month, day.day) == (day - datetime.date(1970, 1, 1)).days
    assert days_in_month(day.year, day.month) == calendar.monthrange(day.year, day.month)[1]
    assert micros_of(day) == days_of(day.year, day.month, day.day) * DAY


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.datetimes(timezones=st.timezones().map(lambda _: datetime.timezone(datetime.timedelta(minutes=-330))))
)
def test_iso_moments(moment: datetime.datetime) -> None:
    assert parser(("year-month-day",))(moment.isoformat()) == micros_of(moment)


def test_moments_that_do_not_exist() -> None:
    read = parser(tuple(FORMATS))
    bad = [
        "2023-02-29",
        "2024-13-01",
        "2024-00-10",
        "2024-01-01 24:00",
        "2024-01-01 13:00 PM",
        "2024-01-01 0:00 AM",
    ]
    bad += ["2024-01-01T00:60", "2024-01-01T00:00+24:00", "31 Foo 2024", "0000-01-01", "1/1/1", "hello"]
    assert [text for text in bad if read(text) is not None] == []


@pytest.mark.parametrize("mark", [" ", "T"])
def test_what_programs_write_is_read_by_the_table_as_by_the_row(mark: str) -> None:
    days = ["2024-02-29", "2023-02-29", "1000-01-01", "0999-01-01", "9999-12-31", "2024-13-01", "1969-12-31"]
    clocks = ["00:00:00", "23:59:59", "23:59:60", "24:00:00", "12:30:15"]
    texts = [f"{day}{mark}{clock}" for day in days for clock in clocks]
    read = parser(("year-month-day",))
    assert read_dates(pl.Series(texts), ("year-month-day",)).to_list() == [read(text) for text in texts]


def test_day_or_month_first_is_decided_by_the_cells() -> None:
    day, month = "day/month/year", "month/day/year"
    assert choose_formats({"01/02/2024": 9, "13/02/2024": 1}, compact=False)[0] == (day,)
    assert choose_formats({"01/02/2024": 9, "02/13/2024": 1}, compact=False)[0] == (month,)
    assert choose_formats({"01/02/2024": 9}, compact=False)[0] == (month,)
    assert choose_formats({"01.02.2024": 9}, compact=False)[0] == (day,)


def test_groups_are_those_of_the_pattern() -> None:
    assert groups_of("year-month") == ("year", "month")
