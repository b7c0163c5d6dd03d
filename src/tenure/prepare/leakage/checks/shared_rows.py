"""L601 and L602: the same rows, or the same entities, in the training part and in a later one.

Nearly equal rows are kept in one part by the split; they are told of all the same, for the rows that come later will
be nobody's twins, and what is learned from twins looks surer than it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from tenure.prepare.columns import target_values
from tenure.prepare.evidence import looks_like_identifier
from tenure.prepare.expressions import readable
from tenure.prepare.leakage.findings import Finding
from tenure.prepare.leakage.intervals import wilson
from tenure.prepare.leakage.table import Table
from tenure.prepare.split import PART, TEST, TRAIN
from tenure.records import Estimate

# Shares of the test rows.
_SOME, _MANY = 0.01, 0.05
_FEWEST = 10
# How much more often rows of one key agree on the target than any two rows do: 0 no more, 1 always.
_MORE, _MUCH_MORE = 0.2, 0.5
# Keys that many rows share are categories, not entities.
_MOST_ROWS_A_KEY = 50
# Rows that are looked at in a long table, about.
_MOST_ROWS = 1_000_000
# Columns that are read first.
_MOST_TELLING = 5
# Rows that share a key by chance do so seldom; with this many times more, chance is ruled out.
_FAR_ABOVE = 10.0


@dataclass(frozen=True, slots=True)
class Sharing:
    """Keys that stand in the training part and in the test part.

    share: of the test rows.  n: of them.  again, n_again: share and number of all rows that share their key with
    another, in whatever part.  alike: how far training rows of one key agree on the target beyond chance, with
    bounds.  rows: positions of examples: (training row, test row).
    """

    share: float
    n: int
    again: float
    n_again: int
    alike: Estimate
    rows: tuple[tuple[int, int], ...]

    @property
    def matters(self) -> bool:
        """Whether there are enough of them, and they agree on the target."""
        apart = self.share >= _SOME and self.n >= _FEWEST
        together = self.again >= _SOME and self.n_again >= _FEWEST
        return (apart or together) and self.alike.low >= _MORE

    @property
    def severity(self) -> Literal["critical", "warning"]:
        return "critical" if self.share >= _MANY and self.alike.low >= _MUCH_MORE else "warning"

    def told(self, what: str) -> str:
        """How many rows there are, and where. what: what they have in common."""
        if self.share >= _SOME:
            return f"{self.n} test rows ({100 * self.share:.3g} %) {what} a training row"
        return f"{self.n_again} rows ({100 * self.again:.3g} %) {what} another, which the split keeps in one part"


def check_shared_rows(table: Table) -> Iterator[Finding]:
    """Find test rows whose features all equal those of a training row, when these agree on the target (L601)."""
    names = [column.name for column in table.recipe.own_features]
    if len(names) < 2 or table.is_ordered:
        return
    # Rows that share everything share the most telling columns; where few do, the others need not be read.
    telling = sorted(names, key=lambda name: table.typed[name].n_unique())[-_MOST_TELLING:]
    if len(telling) < len(names) and _hardly_any_shares(_keyed(table, telling)):
        return
    sharing = _sharing(table, _keyed(table, names))
    if not sharing.matters or not _beyond_chance(table, names, sharing):
        return
    target = table.recipe.target.name
    yield Finding(
        "L601",
        sharing.severity,
        None,
        f"{sharing.told('equal, in every feature,')}, and such rows agree on {target!r} far more often than chance "
        f"(agreement beyond chance {sharing.alike})",
        "drop the repeated rows where the table is made; or, if they are of one customer, name the column that "
        "tells customers apart as data.group",
        {"share of the test rows": sharing.share, "agreement beyond chance": sharing.alike},
        tuple({"training row": a, "test row": b} for a, b in sharing.rows),
    )


def check_shared_entities(table: Table) -> Iterator[Finding]:
    """Find identifiers whose values stand in both parts while rows of one value agree on the target (L602)."""
    if table.is_ordered:
        return
    for name in _entity_columns(table):
        sharing = _sharing(table, _keyed(table, [name]))
        if not sharing.matters:
            continue
        target = table.recipe.target.name
        yield Finding(
            "L602",
            sharing.severity,
            name,
            f"{sharing.told('share their value of it with')}, and rows of one value agree on {target!r} far more "
            f"often than chance (agreement beyond chance {sharing.alike})",
            f"set data.group: {name}, so that its rows stay in one part",
            {"share of the test rows": sharing.share, "agreement beyond chance": sharing.alike},
            tuple({"training row": a, "test row": b, name: table.cells(name)[a]} for a, b in sharing.rows),
        )


def _entity_columns(table: Table) -> list[str]:
    """Columns that may name an entity: the id, identifiers, and columns of many values that are named like one."""
    recipe = table.recipe
    kinds = {column.name: column.kind for column in recipe.columns}
    found, schema = [], table.rows.collect_schema()
    for name in table.names:
        if name in (recipe.target.name, recipe.group) or not readable(schema[name]):
            continue
        kind = kinds.get(name)
        is_one = name == recipe.id or kind == "identifier"
        named = looks_like_identifier(name) and kind not in ("boolean", "constant", "date")
        if is_one or named or (kind in ("category", "text") and _has_many_values(table, name)):
            found.append(name)
    return found


def _has_many_values(table: Table, name: str) -> bool:
    return table.typed[name].n_unique() * _MOST_ROWS_A_KEY > table.typed.height


def _keyed(table: Table, names: list[str]) -> pl.DataFrame:
    """Row number, part and key of each row: the hash of these columns; rows that have nothing in them are left out.

    Of a long table the rows of some keys: a row is looked at or not by the hash of one of its cells, so that rows of
    one key are all in or all out.
    """
    rows = table.rows.select(PART, *names).with_row_index("__row")
    step = len(table.parts) // _MOST_ROWS
    if step > 1:
        telling = max(names, key=lambda name: table.typed[name].n_unique())
        rows = rows.filter(pl.col(telling).hash(step) % step == 0)
    rows = rows.filter(pl.any_horizontal(pl.col(names).is_not_null()))
    return pl.concat(
        batch.select(row="__row", part=PART, key=batch.select(names).hash_rows())
        for batch in rows.collect_batches(maintain_order=True)
    )


def _hardly_any_shares(frame: pl.DataFrame) -> bool:
    """Whether too few rows have a key that another has to matter, however they lie in the parts."""
    return int(frame["key"].is_duplicated().sum()) < _SOME * int((frame["part"] == TEST).sum())


def _sharing(table: Table, frame: pl.DataFrame) -> Sharing:
    """How the rows of each key lie in the parts. frame: see _keyed."""
    train = (
        frame.filter(pl.col("part") == TRAIN)
        .group_by("key")
        .agg(pl.col("row").min().alias("first"), pl.len())
    )
    n_test = int((frame["part"] == TEST).sum())
    shared = frame.filter(pl.col("part") == TEST).join(train, on="key", how="inner", maintain_order="left")
    rare = shared.filter(pl.col("len") <= _MOST_ROWS_A_KEY)
    examples = tuple(zip(rare["first"].head(3).to_list(), rare["row"].head(3).to_list(), strict=True))
    alike = _agreement(table, frame.filter(pl.col("part") == TRAIN))
    n_again = int(frame.select(pl.len().over("key").is_between(2, _MOST_ROWS_A_KEY).sum()).item())
    return Sharing(
        rare.height / max(1, n_test),
        rare.height,
        n_again / max(1, len(table.parts)),
        n_again,
        alike,
        examples,
    )


def _agreement(table: Table, train: pl.DataFrame) -> Estimate:
    """How far two training rows of one key agree on the target: the intraclass correlation, with bounds."""
    # In random order: in a sorted table the first two rows of a key lie, and so look, alike.
    train = train[np.random.RandomState(3).permutation(train.height)]
    pairs = train.filter(pl.len().over("key").is_between(2, _MOST_ROWS_A_KEY))
    pairs = pairs.group_by("key", maintain_order=True).agg(pl.col("row").head(2))
    if pairs.height < _FEWEST:
        return Estimate(0.0, 0.0, 1.0)
    two = pairs["row"].list.to_array(2).to_numpy()
    target = table.recipe.target
    y = target_values(target, table.cells(target.name)[two.ravel()]).reshape(two.shape)
    if table.n_classes:
        shares = np.bincount(table.y.astype(np.int64), minlength=table.n_classes) / len(table.y)
        chance = float((shares**2).sum())
        same = float((y[:, 0] == y[:, 1]).mean())
        low, high = wilson(same, len(y), table.z)
        value, low, high = ((share - chance) / (1.0 - chance) for share in (same, low, high))
    else:
        spread = float(np.var(table.y)) or 1.0
        value = 1.0 - float(((y[:, 0] - y[:, 1]) ** 2).mean()) / (2.0 * spread)
        half = table.z / np.sqrt(len(y))
        low, high = value - half * (1.0 - value**2), value + half * (1.0 - value**2)
    return Estimate(value, min(max(low, -1.0), value), max(min(high, 1.0), value))


def _beyond_chance(table: Table, names: list[str], sharing: Sharing) -> bool:
    """Whether more test rows repeat a training row than columns that know nothing of each other would give."""
    equal = 1.0
    for column in table.columns:
        sizes = np.bincount(column.codes, minlength=column.n_codes) / len(column.codes)
        equal *= max(float((sizes**2).sum()), 1e-4)
    expected = float((table.parts == TRAIN).sum()) * equal
    return max(sharing.share, sharing.again) > _FAR_ABOVE * expected
