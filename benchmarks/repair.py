"""How many cells come back right after a clean table was dirtied in known ways, and how many right ones are harmed.

    python benchmarks/repair.py [FOLDER]      (default: $TENURE_DATA, else ../shared/data)

telco.csv and adult.csv.gz are dirtied one way at a time. The truth is what the recipe learned from the table as it
was makes of it. A dirtied cell is right when the recipe learned from the dirty table gives the same value (for
a cell that was emptied: missing); any other cell that differs from the truth was harmed. Beside it: the cells that
come back right when pandas reads the same dirty file, strips nothing and casts what it can, as most scripts do.
"""

from __future__ import annotations

import gzip
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from tenure.prepare.columns import clean, target_values
from tenure.prepare.duplicates import WHOLE, find_duplicates, halve
from tenure.prepare.learn import learn_recipe, learn_target
from tenure.prepare.recipe import Recipe
from tenure.prepare.row_hashes import RowHashes
from tenure.prepare.spellings import propose_spellings

SHARE = 0.1
TABLES = {"telco.csv": ("Churn", "customerID"), "adult.csv.gz": ("income", None)}
RANDOM = np.random.default_rng(0)

Dirt = Callable[[str], str]


def read_table(folder: Path, name: str) -> pl.DataFrame:
    """The table with spaces stripped, and a date made from its row numbers, since neither table has one."""
    content = (folder / name).read_bytes()
    raw = pl.read_csv(
        io.BytesIO(gzip.decompress(content) if name.endswith(".gz") else content), infer_schema=False
    ).with_columns(pl.all().str.strip_chars())
    days = (pl.int_range(pl.len()) * 7919 % 2500 + 16000).cast(pl.Int32).cast(pl.Date)
    return raw.with_columns(
        since=days.dt.strftime("%Y-%m-%d"), share=(pl.int_range(pl.len()) % 997 / 1000).cast(pl.String)
    )


def swap(text: str) -> str:
    """Two neighbouring letters exchanged, in the second half of the word."""
    at = len(text) - 3
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def german(text: str) -> str:
    """A number as it is written in German: 1.234,5."""
    return f"{float(text):,}".replace(",", "#").replace(".", ",").replace("#", ".")


def shuffled_date(text: str) -> str:
    """A date written day first or with the month's name."""
    year, month, day = text.split("-")
    names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    return f"{int(day)} {names[int(month) - 1]} {year}"


# way: (kinds of columns, what it does to a cell, the share of cells, which cells it can do something to)
WAYS: dict[str, tuple[tuple[str, ...], Dirt, float, Callable[[str], bool]]] = {
    "null tokens": (("number", "integer", "category", "boolean"), lambda _: "N/A", SHARE, lambda _: True),
    "stray spaces": (
        ("number", "integer", "category", "boolean", "date"),
        lambda t: f" {t}  ",
        SHARE,
        lambda _: True,
    ),
    "letter case": (("category", "boolean"), str.upper, SHARE, lambda t: t != t.upper()),
    "thousand separators": (
        ("number", "integer"),
        lambda t: f"{float(t):,}",
        SHARE,
        lambda t: float(t) >= 1000,
    ),
    "decimal commas (whole column)": (("number",), german, 1.0, lambda _: True),
    "currency": (("number",), lambda t: f"${t}", SHARE, lambda _: True),
    "percent": (("share",), lambda t: f"{float(t) * 100:.4g}%", SHARE, lambda _: True),
    "date formats": (("date",), shuffled_date, SHARE, lambda _: True),
    "punctuation": (("category",), lambda t: t.replace("-", " "), 0.05, lambda t: "-" in t),
    "typos": (
        ("category",),
        swap,
        0.01,
        lambda t: len(t) >= 9 and t.replace("-", "").isalpha() and t[-2] != t[-3],
    ),
}


def dirtied(raw: pl.DataFrame, recipe: Recipe, way: str) -> tuple[pl.DataFrame, dict[str, np.ndarray]]:
    """The table with some cells dirtied, and which: column -> bool [n]."""
    kinds, dirt, share, fits = WAYS[way]
    columns = [c.name for c in recipe.features if c.kind in kinds and (c.name != "share" or "share" in kinds)]
    if kinds == ("share",):
        columns = ["share"]
    table, marks = raw, {}
    for name in columns:
        cells = raw[name].to_list()
        known = clean(recipe, raw.lazy()).select(name).collect()[name].is_not_null().to_numpy()
        mark = (RANDOM.random(len(cells)) < share) & known
        mark &= np.array([bool(m) and fits(str(cell)) for m, cell in zip(mark, cells, strict=True)])
        made = [dirt(cell) if m else cell for m, cell in zip(mark, cells, strict=True)]
        table, marks[name] = table.with_columns(pl.Series(name, made, dtype=pl.String)), mark
    return table, marks


def same(a: pl.Series, b: pl.Series) -> np.ndarray:
    """Where two clean columns agree: missing with missing, numbers to 12 digits."""
    if a.dtype != b.dtype:
        return np.zeros(len(a), dtype=bool)
    both = (a.is_null() & b.is_null()).to_numpy()
    if a.dtype.is_float():
        return both | np.isclose(
            a.fill_null(np.inf).to_numpy(), b.fill_null(-np.inf).to_numpy(), rtol=1e-12, atol=0
        )
    return both | (a == b).fill_null(False).to_numpy()


def by_pandas(dirty: pl.DataFrame, truth: pl.DataFrame, marks: dict[str, np.ndarray], empty: bool) -> int:
    """Dirtied cells that a plain pandas.read_csv and to_numeric / to_datetime give right."""
    import pandas as pd

    frame = pd.read_csv(io.StringIO(dirty.write_csv()), low_memory=False)
    right = 0
    for name, mark in marks.items():
        wanted = truth[name]
        if empty:
            right += int(frame[name].isna().to_numpy()[mark].sum())
        elif wanted.dtype.is_float():
            got = pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=float)
            right += int(np.isclose(got, wanted.to_numpy(), rtol=1e-12)[mark].sum())
        elif wanted.dtype == pl.Int64:
            got = pd.to_datetime(frame[name], errors="coerce").astype("datetime64[us]").astype("int64")
            right += int((got.to_numpy() == wanted.to_numpy())[mark].sum())
        else:
            labels = {True: "Yes", False: "No"}
            text = np.array([str(labels.get(cell, cell)) for cell in wanted.to_list()])
            right += int((frame[name].astype(str).to_numpy() == text)[mark].sum())
    return right


def report(table: str, way: str, n: int, right: int, harmed: int, n_others: int, note: str) -> None:
    print(f"| {table} | {way} | {n:,} | {right / n:.1%} | {harmed:,} of {n_others:,} | {note} |", flush=True)


def measure(name: str, raw: pl.DataFrame, target: str, id: str | None) -> None:
    learned = learn_target(raw[target])
    recipe = learn_recipe(raw, learned, id=id)
    truth = clean(recipe, raw.lazy()).collect()
    for way in WAYS:
        dirty, marks = dirtied(raw, recipe, way)
        n = sum(int(mark.sum()) for mark in marks.values())
        if not n:
            continue
        empty = way == "null tokens"
        levels: dict[str, dict[str, str]] = {}
        if way in ("punctuation", "typos"):
            seen = learn_recipe(dirty, learned, id=id)
            y = target_values(learned, dirty[target])
            for column in seen.features:
                for proposal in propose_spellings(column, dirty[column.name], y):
                    levels.setdefault(proposal.column, {})[proposal.spelling] = proposal.level
        again = learn_recipe(dirty, learned, id=id, levels=levels)
        found = clean(again, dirty.lazy()).collect()
        right = harmed = 0
        for column in truth.columns:
            mark = marks.get(column, np.zeros(len(raw), dtype=bool))
            if column not in found.columns:
                harmed += int((~mark).sum())
                continue
            equal = same(found[column], truth[column])
            right += int((found[column].is_null().to_numpy() if empty else equal)[mark].sum())
            harmed += int((~equal & ~mark).sum())
        note = f"{by_pandas(dirty, truth, marks, empty) / n:.1%}"
        report(name, way, n, right, harmed, truth.height * truth.width - n, note)
    copies = pl.concat([raw, raw.sample(len(raw) // 100, seed=1)])
    with RowHashes([WHOLE]) as hashes:
        hashes.add(halve(copies, id).hashes(copies))
        kept = find_duplicates(hashes, copies, id).keep
    harmed = int((~kept[: len(raw)]).sum())
    report(name, "duplicated rows", len(raw) // 100, int((~kept[len(raw) :]).sum()), harmed, len(raw), "0.0%")


def main() -> None:
    default = Path(__file__).parents[1] / ".." / "shared" / "data"
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("TENURE_DATA", default))
    print("| table | dirtied by | cells | come back right | right ones harmed | pandas |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, (target, id) in TABLES.items():
        measure(name, read_table(folder, name), target, id)


if __name__ == "__main__":
    main()
