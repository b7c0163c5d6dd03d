"""A small project whose rows have a text each: something of a person that must be skipped, kept or erased whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from tenure.project import Project

PERSON = "ZYX-4711-Q"
NAME = "Zebulon Quartermaine"
CONFIG = """\
name: letters
data: {source: ../letters.csv, target: left, positive: "yes", id: customer}
model: {candidates: [logistic], trials: 1}
"""


def letters(n: int = 300) -> pl.DataFrame:
    """Customers with a text each; the fourth, a training row, is the person who will ask to be forgotten."""
    random = np.random.default_rng(3)
    months = random.integers(1, 60, n)
    words = ["bill", "line", "slow", "friendly", "contract", "again", "router", "price", "why", "thanks"]
    notes = [f"{' '.join(random.choice(words, 6))} number {i}" for i in range(n)]
    table = pl.DataFrame(
        {
            "customer": [f"c{i:04}" for i in range(n)],
            "months": months,
            "plan": random.choice(["basic", "plus", "max"], n),
            "note": notes,
            "left": np.where(random.random(n) < 1 / (1 + np.exp(months / 10 - 2)), "yes", "no"),
        }
    )
    named = pl.int_range(pl.len()) == 3
    return table.with_columns(
        customer=pl.when(named).then(pl.lit(PERSON)).otherwise("customer"),
        note=pl.when(named)
        .then(pl.lit(f"{NAME} called about the price of the line again"))
        .otherwise("note"),
    )


def project_of_letters(folder: Path) -> Project:
    """The project, beside its table in the folder."""
    letters().write_csv(folder / "letters.csv")
    root = folder / "project"
    root.mkdir()
    (root / "tenure.yaml").write_text(CONFIG)
    return Project.open(str(root))
