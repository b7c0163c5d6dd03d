"""Which rows of a table are used, and for what: duplicates and rows without a target stay out, the rest are dealt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from tenure.errors import TargetError
from tenure.prepare.alike_halves import MOST_ROWS, find_among, rows_that_share_a_half
from tenure.prepare.balance import describe_parts
from tenure.prepare.columns import target_values, time_values
from tenure.prepare.duplicates import NAME, WHOLE, Duplicates, Halves, find_duplicates, halve
from tenure.prepare.entities import number_groups
from tenure.prepare.keys import are_bare
from tenure.prepare.near_duplicates import NearDuplicates, find_near_duplicates
from tenure.prepare.recipe import TargetRecipe
from tenure.prepare.row_hashes import RowHashes, repeated
from tenure.prepare.split import LEFT_OUT, PARTS, TRAIN, assign_parts
from tenure.prepare.target import learn_target
from tenure.prepare.weights import read_weights
from tenure.records import Task

# Cells that are looked at to learn what columns are; a longer table is learned from every k-th row first.
_CELLS = 6_000_000
_FEWEST_ROWS, _MOST_ROWS = 20_000, 300_000
_ROW = "__row"
_BATCH = 250_000
# A target with no more different texts than this in the first rows is held as numbers of texts.
_FEW_TEXTS = 1_000


@dataclass(frozen=True)
class Sifted:
    """A table's rows, told apart.

    parts: int8 [n_rows of the table]: 0 training, 1 validation, 2 test, -1 left out.
    training: raw training rows to learn from, in order; every one of them when is_whole.
    warnings: what was left out, and why.
    ids_differ: whether every row that is used is known to have an id of its own, with no blanks around it.
    """

    target: TargetRecipe
    parts: npt.NDArray[np.int8]
    training: pl.DataFrame
    is_whole: bool
    warnings: tuple[str, ...]
    ids_differ: bool


def sift(
    raw: pl.LazyFrame,
    n_rows: int,
    *,
    target: str,
    positive: str | None = None,
    task: Task | None = None,
    levels: Mapping[str, str] | None = None,
    id: str | None = None,
    time: str | None = None,
    group: str | None = None,
    weight: str | None = None,
    validation: float = 0.2,
    test: float = 0.2,
    seed: int = 0,
    strict: bool = True,
    folder: Path | None = None,
) -> Sifted:
    """Tell the rows of a raw table apart in one pass that holds a sample, and of each row little but its target.

    n_rows: of raw.  weight: the column of row weights; rows of weight 0 are left out.
    folder: for hashes of the rows, see RowHashes.  Other arguments as in learn_target and assign_parts.
    Raises TargetError when the target cannot be learned, or some part would be empty, SourceError for bad weights.
    """
    step = _step(n_rows, len(raw.collect_schema()))
    special = list(dict.fromkeys(name for name in (target, time, group, weight) if name is not None))
    halves = halve(raw.head(_FEWEST_ROWS).collect(), id)
    compared = step > 1 and halves.tell_halves
    names = [WHOLE, *(name for name in halves.columns if name == NAME or compared)]
    with RowHashes(names, folder) as hashes:
        keys, sample, are_bare = _look(raw, special, step, id, halves, hashes)
        counts = read_weights(keys[weight]) > 0.0 if weight else None
        # Each is a sort or a count on one core.
        with ThreadPoolExecutor(1) as beside:
            finding = beside.submit(find_duplicates, hashes, sample.drop(_ROW), id)
            # a label that only rows of weight 0 have is no class
            counted = pl.lit(True) if counts is None else pl.Series(counts)
            recipe = learn_target(keys.filter(counted)[target], positive, task, levels)
            y, keep = _outcomes(recipe, keys[target])
            duplicates = finding.result()
        keys = keys.select(name for name in (time, group) if name is not None)
        warnings = [*recipe.warnings, *_left_out(duplicates, counts, weight)]
        keep &= duplicates.keep
        if counts is not None:
            keep &= counts
        ids_differ = are_bare and not any(
            hashes.each_bucket(NAME, lambda ids, rows: bool(repeated(ids[keep[rows]]).any()))
        )
        unnamed = raw.drop([id] if id else [])
        alike, told = (
            (_alike(unnamed), "")
            if step == 1
            else _alike_in_long(unnamed, hashes, keep, halves, sample)
            if compared
            else (None, "")
        )
    y = y[keep]
    groups = number_groups(keys[group].filter(keep)) if group else None
    warnings += [told] if told else []
    if alike is not None:
        warnings.append(
            f"{alike.n_rows} rows nearly equal another one; such rows stay in one part of the split"
        )
    dealt = assign_parts(
        y,
        validation=validation,
        test=test,
        seed=seed,
        time=time_values(keys[time].filter(keep)) if time else None,
        group=groups,
        cluster=None if alike is None else _renumbered(alike.cluster[keep]),
        task=recipe.task,
        strict=strict,
        names=recipe.classes,
    )
    warnings += describe_parts(y, dealt, recipe.classes, groups).warnings()
    parts = np.full(n_rows, LEFT_OUT, dtype=np.int8)
    parts[keep] = dealt
    check_parts(parts, group)
    chosen = sample.filter(pl.Series(parts[sample[_ROW].to_numpy()] == TRAIN)).drop(_ROW)
    return Sifted(recipe, parts, chosen, step == 1, tuple(warnings), ids_differ)


def _look(
    raw: pl.LazyFrame, special: list[str], step: int, id: str | None, halves: Halves, hashes: RowHashes
) -> tuple[pl.DataFrame, pl.DataFrame, bool]:
    """The special columns of every row, every step-th row with its number, and whether there are ids as they should be.

    That is, each filled and without blanks around it. The first special column is the target. hashes: are added to.
    """
    target, *others = special
    outcomes, keys, sample, start = [], [], [], 0
    bare, kind = id in raw.collect_schema(), None
    for batch in raw.collect_batches(chunk_size=_BATCH, maintain_order=True):
        kind = kind or _kind_held(batch[target])
        outcomes.append(batch[target].cast(kind))
        keys.append(batch.select(others))
        hashes.add(halves.hashes(batch))
        bare = bare and id is not None and are_bare(batch[id])
        sample.append(batch.with_row_index(_ROW, start).gather_every(step, -start % step))
        start += batch.height
    held = pl.concat(keys).hstack([pl.concat(outcomes)]) if others else pl.concat(outcomes).to_frame()
    return held, pl.concat(sample), bare


def _kind_held(target: pl.Series) -> pl.DataType:
    """How a target is held: words as numbers of words, which take a quarter of the room."""
    few = target.dtype == pl.String and target.n_unique() <= _FEW_TEXTS
    return pl.Categorical(pl.Categories.random("target")) if few else target.dtype


def _outcomes(recipe: TargetRecipe, target: pl.Series) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """Numbers, float64 [n], or class indices in a byte each, int8 [n]; and whether each is known, bool [n]."""
    y = np.empty(len(target), np.min_scalar_type(-len(recipe.classes)) if recipe.classes else np.float64)
    is_known = np.empty(len(target), dtype=bool)
    for start in range(0, len(target), _BATCH):
        values = target_values(recipe, target[start : start + _BATCH])
        rows = slice(start, start + len(values))
        is_known[rows] = ~np.isnan(values)
        y[rows] = np.nan_to_num(values)
    return y, is_known


def _left_out(
    duplicates: Duplicates, counts: npt.NDArray[np.bool_] | None, weight: str | None
) -> Iterator[str]:
    """What to say of rows that are not used. counts: whether each has a weight above 0, where there are weights."""
    if duplicates.are_mistakes:
        yield f"{duplicates.n_repeats} row(s) were exact duplicates and dropped: {duplicates.why}"
    if counts is not None:
        if n_out := int(np.sum(duplicates.keep & ~counts)):
            yield f"{n_out} row(s) have the weight 0 and are left out"
        yield f"every fit and every measure counts the rows by their weight, {weight!r}"


def _alike(raw: pl.LazyFrame) -> NearDuplicates | None:
    """Clusters of nearly equal rows; None where there are none."""
    found = find_near_duplicates(raw.collect_batches(chunk_size=_BATCH, maintain_order=True))
    return found if found.n_clusters else None


def _alike_in_long(
    raw: pl.LazyFrame,
    hashes: RowHashes,
    keep: npt.NDArray[np.bool_],
    halves: Halves,
    sample: pl.DataFrame,
) -> tuple[NearDuplicates | None, str]:
    """The same in a table that is not held; and what to say where there are too many rows to compare."""
    rows = rows_that_share_a_half(hashes, keep)
    if len(rows) > MOST_ROWS:
        return None, (
            f"{len(rows)} rows share half of their columns with a few others, too many to compare: nearly equal rows "
            "may lie in two parts of the split; where rows belong together, name what they share (data.group)"
        )
    if not len(rows):
        return None, ""
    chosen, start, parts = np.zeros(hashes.n_rows, dtype=bool), 0, []
    chosen[rows] = True
    for batch in raw.collect_batches(chunk_size=_BATCH, maintain_order=True):
        parts.append(batch.filter(pl.Series(chosen[start : start + batch.height])))
        start += batch.height
    found = find_among(pl.concat(parts), rows, hashes, halves, sample)
    return (found if found.n_clusters else None), ""


def _renumbered(cluster: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The numbers of clusters from 0 without gaps, -1 for rows of their own."""
    numbers = np.unique(cluster[cluster >= 0])
    return np.where(cluster < 0, -1, np.searchsorted(numbers, cluster))


def _step(n_rows: int, n_columns: int) -> int:
    most = min(max(_CELLS // n_columns, _FEWEST_ROWS), _MOST_ROWS)
    return max(1, -(-n_rows // most))


def check_parts(parts: npt.NDArray[np.int8], group: str | None) -> None:
    """Raise TargetError unless each part has rows."""
    empty = [name for number, name in enumerate(PARTS) if not np.any(parts == number)]
    if empty:
        raise TargetError(
            f"no row is left for the {empty[0]} part: {int(np.sum(parts != LEFT_OUT))} of {len(parts)} rows are used",
            where=f"column {group!r}" if group else None,
            todo="name a group column with more groups, or none" if group else "give more rows",
        )
