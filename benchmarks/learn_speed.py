"""CPU and wall seconds of learning a recipe from a messy table. Beside it: Polars casting the same columns.

    python benchmarks/learn_speed.py [ROWS]      (default: 1000000)

The table has 20 columns of text as a CSV holds it: plain and decorated numbers, dates, booleans, categories with
several spellings, free text and identifiers, with null tokens among them. The cast knows every type beforehand and
reads the columns that need no mending only, so that the ratio says what finding out costs.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import polars as pl

from tenure.prepare.learn import learn_recipe, learn_target

PLAIN_NUMBERS = ["plain", "whole", "skewed", "coded", "small"]


def messy_table(n: int, seed: int = 0) -> pl.DataFrame:
    """n rows of 19 columns of text and a target, as read from a CSV file without guessing types."""
    random = np.random.default_rng(seed)
    row = pl.int_range(n, eager=True)
    numbers = pl.DataFrame(
        {
            "plain": random.normal(50, 20, n).round(2),
            "whole": random.integers(0, 5000, n),
            "skewed": np.exp(random.normal(3, 1.5, n)).round(2),
            "coded": random.integers(1, 8, n),
            "small": random.uniform(0, 1, n).round(6),
            "money": np.exp(random.normal(7, 1, n)).round(2),
            "share": random.uniform(0, 100, n).round(1),
            "german": np.exp(random.normal(7, 1, n)).round(2),
            "day": random.integers(0, 2500, n),
            "second": random.integers(0, 10**8, n),
        }
    )
    levels = {
        "contract": ["Month-to-month", "month-to-month ", "One year", "Two year", "TWO YEAR"],
        "flag": ["Yes", "No", "yes", "N/A"],
        "city": [f"City {i}" for i in range(300)],
        "postcode": [f"{i:05d}" for i in range(0, 90000, 97)],
        "plan": [f" Plan {i}" for i in "ABCDEFGHIJKLMN"],
        "target": ["yes", "no", "no"],
    }
    words = {name: pl.Series(choice)[random.integers(0, len(choice), n)] for name, choice in levels.items()}
    money = _grouped(numbers["money"], ",", ".")
    table = pl.DataFrame(
        {
            "id": pl.select(pl.format("C-{}", row)).to_series(),
            "code": pl.select(row.cast(pl.UInt64).hash(seed=1).cast(pl.String)).to_series().str.slice(0, 12),
            **{name: numbers[name].cast(pl.String) for name in PLAIN_NUMBERS},
            "money": pl.select(pl.format("${}", money)).to_series(),
            "share": pl.select(pl.format("{}%", numbers["share"])).to_series(),
            "german": _grouped(numbers["german"], ".", ","),
            "signup_date": _days(numbers["day"]),
            "seen_at": _seconds(numbers["second"]),
            **words,
            "remark": pl.select(
                pl.format("called on day {} about item {}", numbers["day"], numbers["whole"])
            ).to_series(),
            "integer_text": pl.select(pl.format(" {} ", numbers["whole"])).to_series(),
        }
    )
    holes = random.integers(0, 50, n) == 0
    return table.with_columns(
        pl.when(pl.Series(holes)).then(pl.lit("N/A")).otherwise(pl.col(name)).alias(name)
        for name in ("plain", "money", "signup_date", "city")
    )


def _grouped(values: pl.Series, thousands: str, decimal: str) -> pl.Series:
    cents = (values * 100).round().cast(pl.Int64)
    whole = (cents // 100).cast(pl.String)
    grouped = whole.str.reverse().str.replace_all(r"([0-9]{3})", f"${{1}}{thousands}").str.reverse()
    grouped = grouped.str.strip_chars_start(thousands)
    return pl.select(
        pl.format("{}{}{}", grouped, pl.lit(decimal), (cents % 100).cast(pl.String).str.zfill(2))
    ).to_series()


def _days(values: pl.Series) -> pl.Series:
    return (values.cast(pl.Int32) + 16000).cast(pl.Date).dt.strftime("%d/%m/%Y")


def _seconds(values: pl.Series) -> pl.Series:
    return (
        ((values.cast(pl.Int64) + 1_500_000_000) * 1_000_000)
        .cast(pl.Datetime("us"))
        .dt.strftime("%Y-%m-%d %H:%M:%S")
    )


def timed(work: object) -> tuple[float, float]:
    """CPU and wall seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()  # type: ignore[operator]
    return time.process_time() - cpu, time.perf_counter() - wall


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    table = messy_table(n)
    cast = timed(lambda: table.select(pl.col(PLAIN_NUMBERS).cast(pl.Float64, strict=False)))
    target = learn_target(table["target"])
    learn = timed(lambda: learn_recipe(table, target, id="id"))
    print(f"{n:,} rows x {table.width} columns")
    print(f"learn_recipe        {learn[0]:6.2f} s CPU  {learn[1]:6.2f} s wall")
    print(f"cast 5 plain columns {cast[0]:5.2f} s CPU  {cast[1]:6.2f} s wall")


if __name__ == "__main__":
    main()
