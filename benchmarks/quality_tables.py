"""The tables of the quality benchmark, and how each is split: the same bytes for every tool."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

TEST_SHARE = 0.2


@dataclass(frozen=True)
class Table:
    """A binary table. drop: identifiers, and columns that leak the label, for every tool alike."""

    file: str
    target: str
    positive: str
    drop: tuple[str, ...] = ()


LEAKS = tuple(  # another model's output on the target
    "Naive_Bayes_Classifier_Attrition_Flag_Card_Category_Contacts_Count_12_mon_Dependent_count_Education_Level_"
    f"Months_Inactive_12_mon_{k}"
    for k in (1, 2)
)
TABLES = {
    "telco": Table("telco.csv", "Churn", "Yes", ("customerID",)),
    "telecom5000": Table("telecom5000.csv", "churn", "yes", ("rownames",)),
    "bankchurners": Table("bankchurners.csv", "Attrition_Flag", "Attrited Customer", ("CLIENTNUM", *LEAKS)),
    "credit_default": Table("credit_default.csv", "default.payment.next.month", "1", ("ID",)),
    "adult": Table("adult.csv.gz", "income", ">50K"),
}


@dataclass(frozen=True)
class Split:
    """Files of one table and seed. train: with the target.  test: without it.  y: shape (n_test,), 0 or 1."""

    train: Path
    test: Path
    y: np.ndarray


def split_rows(labels: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers of the training rows, shuffled, and of the test rows: stratified, by a frozen generator."""
    rng = np.random.RandomState(seed)
    is_test = np.zeros(len(labels), dtype=bool)
    for value in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == value))
        is_test[rows[: round(TEST_SHARE * len(rows))]] = True
    return rng.permutation(np.flatnonzero(~is_test)), np.flatnonzero(is_test)


def write_split(data: Path, table: Table, seed: int, folder: Path) -> Split:
    """Write the two CSV files of a split, cells as they are in the source.

    Only the label is touched: blanks around it and a dot at its end go (adult spells each class in two ways).
    """
    raw = pl.read_csv(data / table.file, infer_schema_length=0).drop(table.drop)
    raw = raw.with_columns(pl.col(table.target).str.strip_chars().str.strip_chars_end("."))
    y = (raw[table.target] == table.positive).to_numpy().astype(np.int8)
    inside, outside = split_rows(y, seed)
    folder.mkdir(parents=True, exist_ok=True)
    split = Split(folder / "train.csv", folder / "test.csv", y[outside])
    raw[inside].write_csv(split.train)
    raw[outside].drop(table.target).write_csv(split.test)
    return split
