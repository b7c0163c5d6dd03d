"""Features of a million events at twelve cutoffs: tenure's panel beside the pandas loop that people write.

python benchmarks/event_panel.py [EVENTS]

Both read the text of the events, count the same nine aggregates over three windows, and leave out what was not
known yet. Events dated by the day and by the second: reading a million different times is most of the latter. Prints
seconds, the ratio, the growth from a fifth of the events, and whether both give the same numbers.
"""

from __future__ import annotations

import resource
import sys
import time
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import polars as pl

from tenure.config import DataConfig
from tenure.prepare.events import build_panel, type_events

CUTOFFS = [datetime(2024, 1, 1) + timedelta(days=30 * n) for n in range(12)]
WINDOWS = {"30d": 30, "90d": 90, "all": None}
CONFIG = DataConfig.model_validate(
    {
        "target": "quiet",
        "id": "customer",
        "cutoffs": [moment.isoformat() for moment in CUTOFFS],
        "label": {"table": "calls", "when": "none", "within": "30d"},
        "tables": {
            "calls": {
                "source": "calls.csv",
                "key": "customer",
                "time": "time",
                "known": "booked",
                "windows": list(WINDOWS),
                "aggregates": {
                    "minutes": ["sum", "mean", "min", "max", "last", "distinct", "trend"],
                    "*": ["count", "days_since_last"],
                },
            }
        },
    }
)


def make_events(n: int, unit: str) -> pl.DataFrame:
    """Calls of n / 50 customers over two years, booked up to a week late; text, as a CSV file gives it."""
    random = np.random.default_rng(0)
    times = np.datetime64("2023-01-01T00:00:00") + random.integers(0, 2 * 365 * 86_400, n).astype("m8[s]")
    booked = times + random.integers(0, 7 * 86_400, n).astype("m8[s]")
    times, booked = times.astype(f"M8[{unit}]"), booked.astype(f"M8[{unit}]")
    return pl.DataFrame(
        {
            "customer": [f"{number:07d}" for number in random.integers(0, n // 50, n)],
            "time": np.datetime_as_string(times),
            "booked": np.datetime_as_string(booked),
            "minutes": [f"{value:.1f}" for value in random.lognormal(1, 1, n)],
        }
    )


def by_tenure(raw: pl.DataFrame) -> pl.DataFrame:
    events = type_events("calls", raw.lazy(), CONFIG.tables["calls"])
    return build_panel(CONFIG, [events], None, CUTOFFS, labelled=False).rows


def slope(group: pd.DataFrame) -> pd.Series:
    """The least-squares slope a day of each customer, by sums, as fast as pandas can."""
    centred = group.assign(
        x=group["days"] - group.groupby("customer")["days"].transform("mean"),
        y=group["minutes"] - group.groupby("customer")["minutes"].transform("mean"),
    )
    centred = centred.assign(xy=centred["x"] * centred["y"], xx=centred["x"] ** 2)
    sums = centred.groupby("customer")[["xy", "xx"]].sum()
    return sums["xy"] / sums["xx"].where(sums["xx"] > 0)


def by_pandas(raw: pl.DataFrame) -> pd.DataFrame:
    events = pd.DataFrame({name: raw[name].to_numpy() for name in raw.columns})
    events["time"] = pd.to_datetime(events["time"])
    events["booked"] = pd.to_datetime(events["booked"])
    events["minutes"] = pd.to_numeric(events["minutes"])
    events = events.sort_values(["time", "booked"], kind="stable")
    panels = []
    for cutoff in CUTOFFS:
        past = events[(events["time"] <= cutoff) & (events["booked"] <= cutoff)]
        past = past.assign(days=(past["time"] - cutoff) / pd.Timedelta(days=1))
        columns = {}
        for window, days in WINDOWS.items():
            inside = past if days is None else past[past["time"] > cutoff - pd.Timedelta(days=days)]
            groups = inside.groupby("customer")["minutes"]
            for name in ("sum", "mean", "min", "max", "last", "nunique", "count"):
                columns[f"{name}_{window}"] = getattr(groups, name)()
            columns[f"days_{window}"] = -inside.groupby("customer")["days"].max()
            columns[f"trend_{window}"] = slope(inside)
        panels.append(pd.DataFrame(columns))
    return pd.concat(panels, keys=CUTOFFS)


def agree(ours: pl.DataFrame, theirs: pd.DataFrame) -> bool:
    theirs = theirs.sort_index()
    names = {"nunique": "minutes_distinct", "count": "count", "days": "days_since_last"}
    for column in theirs.columns:
        kind, window = column.rsplit("_", 1)
        mine = (
            ours[f"calls_{names.get(kind, f'minutes_{kind}')}_{window}"]
            .cast(pl.Float64)
            .fill_null(float("nan"))
        )
        other = theirs[column].to_numpy(dtype=float)
        other = np.nan_to_num(other) if kind in ("sum", "nunique", "count") else other
        if not np.allclose(mine.to_numpy(), other, rtol=1e-6, atol=1e-9, equal_nan=True):
            return False
    return True


def timed(work, *arguments):
    """The result, and (wall seconds, seconds of all cores: what a busy machine changes less)."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work(*arguments)
    return result, np.array([time.perf_counter() - wall, time.process_time() - cpu])


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    tables = {unit: (make_events(n // 5, unit), make_events(n, unit)) for unit in ("D", "s")}
    ours = {}
    for unit, (small, raw) in tables.items():
        by_tenure(small)
        _, fifth = timed(by_tenure, small)
        rows, seconds = timed(by_tenure, raw)
        ours[unit] = rows, seconds, seconds / fifth
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{n:,} events, {len(CUTOFFS)} cutoffs, {rows.height:,} rows x {rows.width} columns")
    for unit, (_, raw) in tables.items():
        rows, seconds, growth = ours[unit]
        theirs, peer = timed(by_pandas, raw)
        print(f"dated by the {'day' if unit == 'D' else 'second'}:")
        for place, clock in enumerate(("wall", "cores")):
            mine, other = seconds[place], peer[place]
            print(f"  {clock:<5}  tenure {mine:6.2f} s   pandas {other:6.2f} s   ratio {other / mine:.1f}")
        print(f"  five times the events cost {growth[1]:.2f} times the seconds of all cores")
        print(f"  the same numbers: {agree(rows, theirs)}")
    print(f"peak memory before pandas ran, with all raw text: {peak:,.0f} MiB")


if __name__ == "__main__":
    main()
