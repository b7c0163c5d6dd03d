"""Whole tables, real and hostile: what is found, and pages and texts that hold."""

from __future__ import annotations

import datetime
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tenure.errors import ColumnsMissing, TargetError
from tenure.prepare.explore import Exploration, explore
from tenure.prepare.explore import gather as gather_module

RANDOM = np.random.default_rng(0)
VOID = {"meta", "line", "rect", "polygon", "polyline", "input", "br"}


class Checker(HTMLParser):
    """Reads a page: every tag closed, no address but anchors, tags and ids counted."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            assert name not in ("src", "srcset", "data", "action", "onload", "onerror", "onclick")
            if name == "href":
                assert value is not None
                assert value.startswith("#")
                self.links.append(value[1:])
            if name == "id" and value:
                self.ids.append(value)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


def check(found: Exploration) -> str:
    """The page and the text hold what must hold of every one; returns the page."""
    page = found.to_html()
    checker = Checker()
    checker.feed(page)
    assert checker.open == []
    assert checker.tags.count("script") == checker.tags.count("style") == 1
    assert set(checker.links) <= set(checker.ids)
    assert len(set(checker.ids)) == len(checker.ids)
    assert "http" not in page
    assert "url(" not in page
    assert "@import" not in page
    assert not re.search(r' (?:points|style|[xy][12]?|width|height)="[^"]*(?:nan|inf)\b', page)
    assert max(map(len, found.to_text().splitlines())) <= 80
    json.dumps(found.to_dict(), allow_nan=False)
    return page


def test_telco(shared_data: Path) -> None:
    found = explore(shared_data / "telco.csv", "Churn")
    page = check(found)
    columns = {column.name: column for column in found.columns}
    assert found.target is not None
    assert found.target.counts == {"No": 5174, "Yes": 1869}
    assert found.target.positive == "Yes"
    assert columns["TotalCharges"].missing == 11
    assert columns["TotalCharges"].null_tokens == {"": 11}
    assert columns["customerID"].distinct == 7043
    assert sum(group.n for group in columns["tenure"].groups) == 7043
    monthly = next(group for group in columns["Contract"].groups if group.label == "Month-to-month")
    assert (monthly.n, round(monthly.target[0].value, 3)) == (3875, 0.427)
    assert sum(bin.share for bin in columns["MonthlyCharges"].histogram) == pytest.approx(1.0)
    assert found.repeats is not None
    assert (found.repeats.n, found.repeats.n_apart) == (0, 22)
    assert not [finding for finding in found.findings if finding.severity == "act"]
    assert "Month-to-month" in page


def test_leaks_and_repeats_come_first(shared_data: Path) -> None:
    found = explore(shared_data / "bankchurners.csv", "Attrition_Flag", positive="attrited customer")
    check(found)
    leaks = [f.column for f in found.findings if f.severity == "act"]
    assert len(leaks) == 2
    assert all(name is not None and name.startswith("Naive_Bayes") for name in leaks)
    assert found.findings[0].severity == "act"
    columns = {column.name: column for column in found.columns}
    assert (columns["Education_Level"].missing, columns["Income_Category"].missing) == (1519, 1112)
    default = explore(shared_data / "credit_default.csv", "default.payment.next.month")
    check(default)
    assert any("35 rows equal an earlier row apart from 'ID'" in f.what for f in default.findings)


def test_several_classes_numbers_and_time() -> None:
    n = 4000
    day = RANDOM.integers(0, 900, n)
    plan = np.array(["a", "b", "c"])[RANDOM.integers(0, 3, n)]
    frame = pl.DataFrame(
        {
            "day": [datetime.date(2021, 1, 1) + datetime.timedelta(days=int(d)) for d in day],
            "price": 10 + day / 100 + RANDOM.normal(size=n),
            "gap": [None if d > 600 else float(d % 7) for d in day],
            "plan": plan,
            "spend": (plan == "c") * 20 + RANDOM.exponential(5, n),
        }
    )
    multiclass = explore(frame, "plan")
    check(multiclass)
    spend = next(column for column in multiclass.columns if column.name == "spend")
    assert all(len(group.target) == 3 for group in spend.groups)
    regression = explore(frame, "spend")
    check(regression)
    by_plan = {
        group.label: group.target[0]
        for group in next(c for c in regression.columns if c.name == "plan").groups
    }
    assert by_plan["c"].low < 25 < by_plan["c"].high
    trends = regression.trends
    assert trends is not None
    assert (trends.column, trends.every, len(trends.periods)) == ("day", "month", 30)
    moving = {(change.column, change.what) for change in trends.changes}
    assert {("price", "mean"), ("gap", "missing")} <= moving
    assert any("move with 'day'" in finding.what for finding in regression.findings)


def test_gaps_that_go_together_and_tell_of_the_target() -> None:
    n = 3000
    y = RANDOM.random(n) < 0.3
    gone = (RANDOM.random(n) < 0.1) | (y & (RANDOM.random(n) < 0.5))
    x = np.where(gone, np.nan, RANDOM.normal(size=n))
    frame = pl.DataFrame(
        {"a": x, "b": x * 2 + 1, "c": RANDOM.normal(size=n), "y": np.where(y, "yes", "no")}
    ).fill_nan(None)
    found = explore(frame, "y")
    check(found)
    pattern = next(p for p in found.gaps.patterns if p.columns)
    assert pattern.columns == ("a", "b")
    assert pattern.n == int(gone.sum())
    assert found.gaps.together[0].strength.value == pytest.approx(1.0, abs=1e-6)
    assert {f.column for f in found.findings if "gaps tell of the target" in f.what} == {"a", "b"}


def test_a_sample_is_said_to_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather_module, "SAMPLE_ROWS", 800)
    frame = pl.DataFrame({"x": RANDOM.normal(size=6000), "y": RANDOM.integers(0, 2, 6000).astype(str)})
    found = explore(frame, "y")
    page = check(found)
    assert found.n_sample < 1000
    assert f"from a sample of {found.n_sample:,} rows" in page
    x = found.columns[0]
    assert x.n == 6000
    assert x.numbers is not None
    assert x.numbers.quantiles[1.0] == frame["x"].max()
    assert explore(frame.lazy(), "y").to_dict() == found.to_dict()


HOSTILE = "<script>alert(1)</script>\"'&"
TABLES = {
    "one row": pl.DataFrame({"a": ["1"], "y": ["yes"]}),
    "no rows": pl.DataFrame({"a": [], "y": []}, schema={"a": pl.String, "y": pl.String}),
    "all null": pl.DataFrame(
        {"a": [None] * 30, "y": ["yes", "no"] * 15}, schema={"a": pl.String, "y": pl.String}
    ),
    "constant": pl.DataFrame({"a": ["same"] * 30, "b": [7.0] * 30, "y": ["yes"] * 30}),
    "one column": pl.DataFrame({"y": ["yes", "no"] * 20}),
    "not finite": pl.DataFrame(
        {"a": [float("inf"), float("nan"), 1.0, -1e300, 1e38] * 8, "y": ["yes", "no"] * 20}
    ),
    "markup": pl.DataFrame(
        {HOSTILE: [HOSTILE, "b"] * 20, HOSTILE + "2": list(range(40)), "y": [HOSTILE, "no"] * 20}
    ),
    "right to left": pl.DataFrame(
        {
            "עברית \u202eevil": ["שלום", "日本語の文字列"] * 20,
            "x\x1b[31m": ["\x07a", "b"] * 20,
            "y": ["نعم", "لا"] * 20,
        }
    ),
    "blank names": pl.DataFrame({" ": ["1", "2"] * 20, "a\nb": ["1", "2"] * 20, "y": ["yes", "no"] * 20}),
    "far dates": pl.DataFrame(
        {"t": ["0001-01-01", "9999-12-31", "2020-02-02", "2020-02-03"] * 20, "y": ["yes", "no"] * 40}
    ),
    "long cells": pl.DataFrame({"a": ["x" * 3_000_000, "y"] * 20, "y": ["yes", "no"] * 20}),
}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("target", ["y", None])
def test_hostile_tables(name: str, target: str | None) -> None:
    page = check(explore(TABLES[name], target))
    assert "<script>alert" not in page
    assert len(page) < 200_000
    text = explore(TABLES[name], target).to_text()
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_wide_tables_stay_readable() -> None:
    frame = pl.DataFrame(
        {f"column {i}": RANDOM.normal(size=200) for i in range(300)} | {"y": ["yes", "no"] * 100}
    )
    found = explore(frame, "y")
    check(found)
    assert len(found.columns) == 301
    assert len(found.paired) == 41


def test_a_notebook_shows_the_page_in_a_frame() -> None:
    shown = explore(TABLES["markup"], "y")._repr_html_()
    assert shown.startswith("<iframe srcdoc=")
    assert "<script>" not in shown


def test_mistakes_are_told() -> None:
    frame = TABLES["one column"]
    with pytest.raises(ColumnsMissing, match="yy"):
        explore(frame, "yy")
    with pytest.raises(TargetError, match="no class"):
        explore(frame, "y", positive="maybe")
    found = explore(TABLES["constant"], "y")
    assert found.findings[0].severity == "act"
    assert "always" in found.findings[0].what


def test_spellings_of_a_level_are_one_row() -> None:
    plan = ["Month-to-month", "month-to-month", "Month-to-month ", "One year", "one  year"] * 40
    found = explore(pl.DataFrame({"plan": plan, "y": ["yes", "no"] * 100}), "y")
    groups = {group.label: group.n for group in found.columns[0].groups}
    assert groups == {"Month-to-month": 120, "One year": 80}
    assert found.columns[0].distinct == 5  # cells as they stand


def test_dates_nobody_named_are_a_hint() -> None:
    days = [datetime.date(2022, 1, 1) + datetime.timedelta(days=i) for i in range(1000)]
    frame = pl.DataFrame(
        {"d": days, "y": ["yes" if i > RANDOM.integers(0, 1000) else "no" for i in range(1000)]}
    )
    hint = next(f for f in explore(frame, "y").findings if "moves with 'd'" in f.what)
    named = next(f for f in explore(frame, "y", time="d").findings if "moves with 'd'" in f.what)
    assert (hint.severity, named.severity) == ("look", "act")
    assert "data.time: d" in named.todo
