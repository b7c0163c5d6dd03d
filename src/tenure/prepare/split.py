"""Split rows into training, validation and test parts, and training rows into folds.

Stratified by class (by quantile of the target for regression), by time, or by group; seeded, and stable
across versions of numpy (the legacy generator, whose stream is frozen, is used on purpose).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tenure.errors import TargetError
from tenure.records import Task

TRAIN, VALIDATION, TEST, LEFT_OUT = 0, 1, 2, -1
PARTS = ("train", "validation", "test")
# The column that tells the part of a row that is kept.
PART = "__part"

_N_BINS = 10
# With more groups than this, chance alone balances the parts.
_MANY_GROUPS = 5000


def assign_parts(
    y: np.ndarray,
    *,
    validation: float,
    test: float,
    seed: int,
    time: np.ndarray | None = None,
    group: Sequence[object] | np.ndarray | None = None,
    task: Task | None = None,
) -> np.ndarray:
    """Return the part of each row, int8 [n]: 0 training, 1 validation, 2 test.

    y: class indices or numbers, float [n], no NaN.  validation, test: shares of the rows, together below 1.
    time: float [n]; later rows go to later parts, rows of one time stay together, NaN counts as earliest.
    group: rows of equal group never straddle two parts; with time, a group stands at its latest row.
    task: by default "regression" when y has fractions or more than 100 values.
    Raises TargetError when some class would be missing from the training part.
    """
    classes = _strata(y, task)
    groups = _group_numbers(group)
    shares = np.array([1.0 - validation - test, validation, test])
    if time is not None:
        parts = _by_time(_times(time, groups), shares)
    elif groups is not None:
        parts = _by_group(classes, groups, shares, seed)
    else:
        parts = _stratified(classes, shares, seed)
    if task != "regression" and _is_classes(y, task):
        _check_classes(y, parts == TRAIN, "the training part")
    return parts.astype(np.int8)


def folds(
    y: np.ndarray,
    n_folds: int,
    *,
    seed: int,
    time: np.ndarray | None = None,
    group: Sequence[object] | np.ndarray | None = None,
    task: Task | None = None,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return n_folds pairs (training rows, validation rows) of int64 indices, each sorted.

    Arguments as in assign_parts. By time the training rows are all earlier than the validation rows and
    grow from fold to fold; otherwise every row is in one validation set.
    Raises TargetError when some class would be missing from the training rows of a fold.
    """
    classes = _strata(y, task)
    groups = _group_numbers(group)
    if time is not None:
        block = _by_time(_times(time, groups), np.full(n_folds + 1, 1.0 / (n_folds + 1)))
        pairs = [(np.flatnonzero(block <= k), np.flatnonzero(block == k + 1)) for k in range(n_folds)]
    else:
        shares = np.full(n_folds, 1.0 / n_folds)
        fold = _dealt(classes, n_folds, seed) if groups is None else _by_group(classes, groups, shares, seed)
        pairs = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(n_folds)]
    if any(len(train) == 0 or len(valid) == 0 for train, valid in pairs):
        raise TargetError(f"{len(y)} rows cannot make {n_folds} folds", todo="give more rows or groups")
    if _is_classes(y, task):
        for train, _ in pairs:
            _check_classes(y, np.isin(np.arange(len(y)), train), "a fold's training rows")
    return pairs


def _is_classes(y: np.ndarray, task: Task | None) -> bool:
    if task is not None:
        return task != "regression"
    return bool(np.all(y == np.floor(y))) and len(np.unique(y)) <= 100


def _strata(y: np.ndarray, task: Task | None) -> np.ndarray:
    """The stratum of each row, int64 [n]: its class, or the quantile bin of its value."""
    if np.isnan(y).any():
        raise TargetError("rows without a target cannot be split", todo="leave them out first")
    if _is_classes(y, task):
        return np.unique(y, return_inverse=True)[1].astype(np.int64)
    n_bins = max(1, min(_N_BINS, len(y) // 10))
    edges = np.quantile(y, np.linspace(0.0, 1.0, n_bins + 1)[1:-1])
    return np.searchsorted(edges, y, side="right").astype(np.int64)


def _check_classes(y: np.ndarray, train: np.ndarray, where: str) -> None:
    absent = np.setdiff1d(np.unique(y), np.unique(y[train]))
    if len(absent):
        raise TargetError(
            f"class number {int(absent[0])} of the target has no row in {where}",
            todo="collect more rows of that class, or split otherwise (split, data.time, data.group)",
        )


def _stratified(classes: np.ndarray, shares: np.ndarray, seed: int) -> np.ndarray:
    """Part of each row; in each stratum the shares hold to one row, and in total to one row a part."""
    random = np.random.RandomState(seed)
    parts = np.zeros(len(classes), dtype=np.int64)
    owed = np.zeros(len(shares))
    for stratum in range(int(classes.max(initial=-1)) + 1):
        rows = random.permutation(np.flatnonzero(classes == stratum))
        start = 0
        for part in range(len(shares) - 1, 0, -1):
            exact = len(rows) * shares[part] + owed[part]
            # One row of each class always stays for training.
            taken = max(0, min(int(np.floor(exact + 0.5)), len(rows) - 1 - start))
            owed[part] = exact - taken
            parts[rows[start : start + taken]] = part
            start += taken
    return parts


def _dealt(classes: np.ndarray, n_folds: int, seed: int) -> np.ndarray:
    """Fold of each row: the shuffled rows of each class are dealt out in turn."""
    random = np.random.RandomState(seed)
    order = np.concatenate([random.permutation(np.flatnonzero(classes == c)) for c in np.unique(classes)])
    fold = np.empty(len(classes), dtype=np.int64)
    fold[order] = np.arange(len(order)) % n_folds
    return fold


def _group_numbers(group: Sequence[object] | np.ndarray | None) -> np.ndarray | None:
    """Groups numbered from 0 in the order of their first row; a missing group is a group of its own."""
    if group is None:
        return None
    numbers: dict[object, int] = {}
    alone = iter(range(len(group)))
    keys = (
        ("row", next(alone)) if key is None or (isinstance(key, float) and math.isnan(key)) else key
        for key in group
    )
    return np.fromiter(
        (numbers.setdefault(key, len(numbers)) for key in keys), dtype=np.int64, count=len(group)
    )


def _by_group(classes: np.ndarray, groups: np.ndarray, shares: np.ndarray, seed: int) -> np.ndarray:
    """Part of each row; whole groups go, the largest first, where their classes are most wanted."""
    n_groups = int(groups.max(initial=-1)) + 1
    order = np.random.RandomState(seed).permutation(n_groups)
    sizes = np.bincount(groups, minlength=n_groups)
    if n_groups > _MANY_GROUPS:
        ends = np.cumsum(sizes[order]) - sizes[order] / 2.0
        bounds = np.cumsum(shares)[:-1] * sizes.sum()
        part_of = np.empty(n_groups, dtype=np.int64)
        part_of[order] = np.searchsorted(bounds, ends, side="right")
        return np.take(part_of, groups)
    n_classes = int(classes.max(initial=-1)) + 1
    held = np.zeros((n_groups, n_classes))
    np.add.at(held, (groups, classes), 1.0)
    wanted = np.maximum(shares[:, None] * held.sum(axis=0)[None, :], 1e-9)
    given = np.zeros_like(wanted)
    part_of = np.zeros(n_groups, dtype=np.int64)
    for number in order[np.argsort(-sizes[order], kind="stable")]:
        hunger = ((wanted - given) / wanted) @ held[number]
        part_of[number] = int(np.argmax(hunger))
        given[part_of[number]] += held[number]
    return np.take(part_of, groups)


def _times(time: np.ndarray, groups: np.ndarray | None) -> np.ndarray:
    times = np.where(np.isnan(time), -np.inf, np.asarray(time, dtype=np.float64))
    if groups is None:
        return times
    latest = np.full(int(groups.max(initial=-1)) + 1, -np.inf)
    np.maximum.at(latest, groups, times)
    return np.take(latest, groups)


def _by_time(times: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Part of each row in order of time; cuts fall between two times, as near to the shares as they can."""
    order = np.argsort(times, kind="stable")
    ordered = times[order]
    changes = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    part = np.zeros(len(times), dtype=np.int64)
    previous = 0
    for exact in np.cumsum(shares)[:-1] * len(times):
        usable = changes[changes > previous]
        if not len(usable):
            raise TargetError(
                f"the time column has too few different times to cut {len(shares)} parts from",
                todo="use a finer time column, or leave data.time out",
            )
        previous = int(usable[np.argmin(np.abs(usable - exact))])
        part[order[previous:]] += 1
    return part
