"""Summaries of raw and clean tables: right numbers, one pass, mergeable, JSON."""

from __future__ import annotations

import datetime
import json
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tenure.errors import SourceError
from tenure.prepare import summarise as module
from tenure.prepare.summary import Summary, summarise

RANDOM = np.random.default_rng(0)


def test_text_columns() -> None:
    cells = [
        "1,234.5",
        "12%",
        " 7",
        "?",
        "N/A",
        "n/a",
        "",
        None,
        "2024-01-31",
        "31.1.2024",
        "Yes",
        "no",
        "abc",
    ]
    column = summarise(pl.DataFrame({"c": pl.Series(cells, dtype=pl.String)}))["c"]
    assert (column.n, column.nulls, column.filled) == (13, 1, 12)
    assert column.null_tokens == {"": 1, "?": 1, "n/a": 2}
    assert (column.n_numbers, column.n_dates, column.n_booleans) == (3, 2, 2)
    assert (column.minimum, column.maximum) == (0.12, 1234.5)
    assert (column.distinct, column.length_low, column.length_high) == (12, 0, 10)
    assert column.length_mean == pytest.approx(sum(len(c) for c in cells if c is not None) / 12)


def test_typed_columns() -> None:
    frame = pl.DataFrame(
        {
            "x": [1.5, None, float("nan"), float("inf"), -0.0, 0.0],
            "b": [True, None, False, True, True, True],
            "d": [datetime.date(1970, 1, 2)] * 6,
            "empty": pl.Series([None] * 6, dtype=pl.Null),
        }
    )
    summary = summarise(frame)
    assert (summary["x"].nulls, summary["x"].n_infinite, summary["x"].distinct) == (2, 1, 2)
    assert summary["x"].mean == 0.5
    assert summary["b"].top == [(True, 4), (False, 1)]
    assert summary["b"].mean == 0.8
    assert summary["d"].minimum == 86_400_000_000
    assert summary["empty"].nulls == 6
    assert json.dumps(summary.to_dict(), allow_nan=False)


def test_quantile_and_cdf() -> None:
    values = RANDOM.normal(size=30_000)
    column = summarise(pl.DataFrame({"x": values}))["x"]
    assert isinstance(column.quantile(0.5), float)
    assert (column.quantile(0.0), column.quantile(1.0)) == (values.min(), values.max())
    assert column.cdf(values.max()) == 1.0
    at = np.linspace(-2, 2, 9)
    exact = np.array([(values <= x).mean() for x in at])
    assert np.abs(column.cdf(at) - exact).max() <= column.rank_error + 1e-12
    assert column.std == pytest.approx(values.std(ddof=1))


def table(n: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "number": RANDOM.normal(size=n),
            "text": RANDOM.integers(0, 300, n).astype(str),
            "raw": [f"{value:.3f}" for value in RANDOM.normal(size=n)],
            "flag": RANDOM.random(n) < 0.3,
        }
    )


def test_frames_of_any_size_give_the_same_summary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BLOCK", 1000)
    frame = table(5500)
    whole = summarise(frame).to_dict()
    assert summarise(iter([frame[:1], frame[1:1700], frame[1700:1700], frame[1700:]])).to_dict() == whole
    assert summarise(frame.lazy()).to_dict() == whole


def test_a_merged_summary_is_that_of_the_whole() -> None:
    frame = table(6000)
    whole, parts = summarise(frame), summarise(frame[:2500]).merge(summarise(frame[2500:]))
    assert parts.n_rows == whole.n_rows == 6000
    for name in frame.columns:
        one, other = whole[name], parts[name]
        assert (one.n, one.nulls, one.distinct) == (other.n, other.nulls, other.distinct)
        if one.frequent.error == 0 == other.frequent.error:
            assert one.top == other.top
        assert one.mean == pytest.approx(other.mean, abs=1e-12, nan_ok=True)
        assert one.std == pytest.approx(other.std, rel=1e-9, nan_ok=True)
        assert (one.minimum, one.length_total) == (other.minimum, other.length_total)
        assert abs(one.cdf(0.3) - other.cdf(0.3)) <= one.rank_error + other.rank_error + 1e-12
    with pytest.raises(SourceError, match="cannot be merged"):
        whole.merge(summarise(pl.DataFrame({"z": [1]})))
    assert Summary().merge(whole).to_dict() == whole.to_dict()


def test_round_trip_of_a_real_table(shared_data: Path) -> None:
    summary = summarise(pl.scan_csv(shared_data / "telco.csv", infer_schema=False))
    again = Summary.from_dict(json.loads(json.dumps(summary.to_dict(), allow_nan=False)))
    assert again.to_dict() == summary.to_dict()
    assert again["TotalCharges"].null_tokens == {"": 11}
    assert again["customerID"].distinct == pytest.approx(7043, rel=0.07)
    assert dict(again["Churn"].top) == {"No": 5174, "Yes": 1869}
    with pytest.raises(SourceError, match="format"):
        Summary.from_dict({"format": "other"})


def test_nested_columns_are_refused() -> None:
    with pytest.raises(SourceError, match="'n'"):
        summarise(pl.DataFrame({"n": [[1], [2]]}))


def test_frequent_values_of_many_keep_their_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BLOCK", 4000)
    random = np.random.default_rng(1)
    rank = np.minimum(random.zipf(1.3, 40_000), 9000)
    texts = [("long " * 100 if r % 7 == 0 else "") + f"value {r}" for r in rank]
    summary = summarise(pl.DataFrame({"text": texts, "number": rank.astype(float)}))
    for name, cells in (("text", texts), ("number", rank.astype(float).tolist())):
        frequent = summary[name].frequent
        true = Counter(cells)
        kept = {
            str(value)[:256]: count
            for value, count in frequent.counts.items()
            if not str(value).startswith("long")
        }
        assert 0 < frequent.error < 200
        for value, count in true.items():
            if not str(value).startswith("long"):
                assert count - frequent.error <= kept.get(str(value), 0) <= count
    by_length = Counter(len(text) for text in texts if text.startswith("long"))
    top = next(str(value) for value, _ in summary["text"].top if str(value).startswith("long"))
    assert "… (507 characters, " in top
    assert by_length[507] >= dict(summary["text"].top)[top] >= true[7.0] - summary["text"].frequent.error
    assert max(len(str(value)) for value in summary["text"].frequent.counts) < 320
