"""Split rows into training, validation and test parts, and training rows into folds.

Stratified by class (by quantile of the target for regression), by time, by group, or by group and time; seeded,
and stable across versions of numpy (the legacy generator, whose stream is frozen, is used on purpose).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from tenure.errors import TargetError
from tenure.prepare.entities import Groups, Numbers, join_groups, number_groups
from tenure.records import Task

TRAIN, VALIDATION, TEST, LEFT_OUT = 0, 1, 2, -1
PARTS = ("train", "validation", "test")
# The column that tells the part of a row that is kept.
PART = "__part"

_N_BINS = 10
# With more groups than this they are dealt out by stratum; fewer are placed one by one, where they fit best.
_MANY_GROUPS = 5000
# Groups that cross a cut in time may cost this share of the rows; beyond it they are dealt out instead.
_CROSSING = 0.05


def assign_parts(
    y: np.ndarray,
    *,
    validation: float,
    test: float,
    seed: int,
    time: np.ndarray | None = None,
    group: Groups | None = None,
    cluster: Numbers | None = None,
    task: Task | None = None,
    strict: bool = True,
    names: Sequence[str] = (),
) -> np.ndarray:
    """Return the part of each row, int8 [n]: 0 training, 1 validation, 2 test, -1 left out.

    y: class indices or numbers, float [n], no NaN.  validation, test: shares of the rows, together below 1.
    time: float [n]; later rows go to later parts, rows of one time stay together, NaN counts as earliest.
    group: rows of equal group never straddle two parts.
    cluster: numbers of near-duplicates from 0, below n, int64 [n], -1 for a row of its own; rows of one never
    straddle either, nor do chains of groups and clusters.
    task: by default "regression" when y has fractions or more than 100 values.

    strict: with groups and time both promises hold, and rows that would break one are left out: see
    _by_group_and_time. If not, rows that are trained on may be as late as test rows: see _tested_late.
    names: of the classes, for the message.
    Raises TargetError when some class would be missing from the training part.
    """
    classes = _strata(y, task)
    groups = _entities(group, cluster)
    shares = np.array([1.0 - validation - test, validation, test])
    if time is not None and groups is not None:
        parts = _by_group_and_time(_times(time), classes, groups, shares, seed, strict)
    elif time is not None:
        parts = _by_time(_times(time), shares)
    elif group is not None and groups is not None:
        parts = _by_group(classes, groups, shares, seed)
    else:
        parts = _stratified(classes, shares, seed)
        if cluster is not None:
            parts = _kept_together(parts, cluster)
    if task != "regression" and _is_classes(y, task):
        _check_classes(y, classes, parts == TRAIN, "the training part", names)
    return parts.astype(np.int8, copy=False)


def folds(
    y: np.ndarray,
    n_folds: int,
    *,
    seed: int,
    time: np.ndarray | None = None,
    group: Groups | None = None,
    cluster: Numbers | None = None,
    task: Task | None = None,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return n_folds pairs (training rows, validation rows) of int64 indices, each sorted.

    Arguments as in assign_parts. By time alone the training rows are all earlier than the validation rows and
    grow from fold to fold; otherwise every row is in one validation set. With groups and time the folds go by
    group: to keep the order of time too, most of the rows would have to be left out.
    Raises TargetError when some class would be missing from the training rows of a fold.
    """
    classes = _strata(y, task)
    groups = _entities(group, cluster)
    if time is not None and groups is None:
        block = _by_time(_times(time), np.full(n_folds + 1, 1.0 / (n_folds + 1)))
        masks = [(block <= k, block == k + 1) for k in range(n_folds)]
    else:
        shares = np.full(n_folds, 1.0 / n_folds)
        fold = _dealt(classes, n_folds, seed) if groups is None else _by_group(classes, groups, shares, seed)
        masks = [(fold != k, fold == k) for k in range(n_folds)]
    if any(not train.any() or not valid.any() for train, valid in masks):
        raise TargetError(f"{len(y)} rows cannot make {n_folds} folds", todo="give more rows or groups")
    if _is_classes(y, task):
        for train, _ in masks:
            _check_classes(y, classes, train, "a fold's training rows")
    return [(np.flatnonzero(train), np.flatnonzero(valid)) for train, valid in masks]


def _entities(group: Groups | None, cluster: Numbers | None) -> Numbers | None:
    groups = None if group is None else number_groups(group)
    if cluster is None:
        return groups
    alone = len(cluster) + np.arange(len(cluster))
    clusters = number_groups(np.where(cluster < 0, alone, cluster))
    return clusters if groups is None else join_groups(groups, clusters)


def _is_classes(y: np.ndarray, task: Task | None) -> bool:
    if task is not None:
        return task != "regression"
    return bool(np.all(y == np.floor(y))) and len(np.unique(y)) <= 100


def _strata(y: np.ndarray, task: Task | None) -> np.ndarray:
    """The stratum of each row, whole numbers [n] from 0: its class, or the quantile bin of its value."""
    if np.isnan(y).any():
        raise TargetError("rows without a target cannot be split", todo="leave them out first")
    if _is_classes(y, task):
        there = pl.Series(y).unique().sort().to_numpy()
        are_numbered = y.dtype.kind == "i" and np.array_equal(there, np.arange(len(there)))
        return y if are_numbered else np.searchsorted(there, y)
    n_bins = max(1, min(_N_BINS, len(y) // 10))
    edges = np.quantile(y, np.linspace(0.0, 1.0, n_bins + 1)[1:-1])
    return np.searchsorted(edges, y, side="right").astype(np.int64)


def _check_classes(
    y: np.ndarray, classes: np.ndarray, train: np.ndarray, where: str, names: Sequence[str] = ()
) -> None:
    held = np.bincount(classes[train], minlength=int(classes.max(initial=-1)) + 1)
    if not held.all():
        number = int(y[np.argmax(classes == np.argmin(held))])
        name = repr(names[number]) if number < len(names) else f"number {number}"
        raise TargetError(
            f"class {name} of the target has no row in {where}: it has {int(np.sum(y == number))} of {len(y)} rows, "
            "and rows of one group, of one time, or nearly equal, stay together",
            todo="collect more rows of that class, or split otherwise (split, data.time, data.group)",
        )


def _stratified(classes: np.ndarray, shares: np.ndarray, seed: int) -> np.ndarray:
    """Part of each row; in each stratum the shares hold to one row, and in total to one row a part."""
    random = np.random.RandomState(seed)
    parts = np.zeros(len(classes), dtype=np.int8)
    owed = np.zeros(len(shares))
    for stratum in range(int(classes.max(initial=-1)) + 1):
        # in four bytes each; the generator gives the same order for any width
        rows = random.permutation(pl.Series(classes == stratum).arg_true().to_numpy())
        start = 0
        for part in range(len(shares) - 1, 0, -1):
            exact = len(rows) * shares[part] + owed[part]
            # One row of each class always stays for training.
            taken = max(0, min(int(np.floor(exact + 0.5)), len(rows) - 1 - start))
            owed[part] = exact - taken
            parts[rows[start : start + taken]] = part
            start += taken
    return parts


def _kept_together(parts: np.ndarray, cluster: Numbers) -> np.ndarray:
    """The parts, with the rows of each cluster where its first row went: they are few, and the strata stay."""
    inside = np.flatnonzero(cluster >= 0)
    numbers, first = np.unique(cluster[inside], return_index=True)
    together = parts.copy()
    together[inside] = parts[inside[first]][np.searchsorted(numbers, cluster[inside])]
    return together


def _dealt(classes: np.ndarray, n_folds: int, seed: int) -> np.ndarray:
    """Fold of each row: the shuffled rows of each class are dealt out in turn."""
    random = np.random.RandomState(seed)
    order = np.concatenate([random.permutation(np.flatnonzero(classes == c)) for c in np.unique(classes)])
    fold = np.empty(len(classes), dtype=np.int64)
    fold[order] = np.arange(len(order)) % n_folds
    return fold


def _by_group(classes: np.ndarray, groups: Numbers, shares: np.ndarray, seed: int) -> np.ndarray:
    """Part of each row; whole groups go, the largest first, where their classes are most wanted."""
    n_groups = int(groups.max(initial=-1)) + 1
    order = np.random.RandomState(seed).permutation(n_groups)
    sizes = np.bincount(groups, minlength=n_groups)
    if n_groups > _MANY_GROUPS:
        highest = np.zeros(n_groups, dtype=np.int64)
        np.maximum.at(highest, groups, classes)
        return _dealt_groups(highest, sizes, shares, order)[groups]
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


def _dealt_groups(strata: np.ndarray, sizes: np.ndarray, shares: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Part of each group: in each stratum the groups lie end to end in random order, and are cut by rows.

    strata, sizes: of each group, int64 [n_groups].  order: a permutation of them.
    """
    order = order[np.argsort(strata[order], kind="stable")]
    ends = np.cumsum(sizes[order])
    totals = np.bincount(strata, weights=sizes)
    starts = np.cumsum(totals) - totals
    middles = (ends - sizes[order] / 2.0 - starts[strata[order]]) / totals[strata[order]]
    part_of = np.empty(len(order), dtype=np.int64)
    part_of[order] = np.searchsorted(np.cumsum(shares)[:-1], middles, side="right")
    return part_of


def _by_group_and_time(
    times: np.ndarray, classes: np.ndarray, groups: Numbers, shares: np.ndarray, seed: int, strict: bool
) -> np.ndarray:
    """Part of each row: no group straddles, and every test row is later than every row trained on (if strict).

    Where few groups cross a cut in time (they cost at most 5 % of the rows) the parts go by time: a group stands
    where its latest row is, and its rows before that part begins are left out. Validation is later than training
    then, too.

    Where many cross it, as customers with a row each month do, groups are dealt out at random, whatever their
    span: to choose by span would train on those who left early and test on those who stayed. One cut in time is
    placed where the fewest rows are lost; training and validation groups keep the rows up to it, test groups
    those after it, and more or fewer groups go to each part so that the rows that are kept have the shares.
    If not strict, see _tested_late.
    With one time only there is nothing to order, and the parts go by group alone.
    """
    moments, counts = np.unique(times, return_counts=True)
    if len(moments) == 1 or shares[TEST] == 0.0:
        return _by_group(classes, groups, shares, seed)
    if len(moments) >= len(shares):
        own = _by_time(times, shares)
        latest = np.zeros(int(groups.max(initial=-1)) + 1, dtype=np.int64)
        np.maximum.at(latest, groups, own)
        stays = own == latest[groups]
        if np.mean(~stays) <= _CROSSING:
            return np.where(stays, own, LEFT_OUT)
    if not strict:
        return _tested_late(times, classes, groups, shares, seed)
    before = np.cumsum(counts)[:-1] / len(times)
    # If a part may keep the share w of its groups' rows, it needs its share / w of the groups.
    needed = (1.0 - shares[TEST]) / before + shares[TEST] / (1.0 - before)
    best = int(np.argmin(needed))
    kept = np.array([before[best], before[best], 1.0 - before[best]])
    parts = _by_group(classes, groups, shares / kept / needed[best], seed)
    early = times <= moments[best]
    return np.where(early == (parts != TEST), parts, LEFT_OUT)


def _tested_late(
    times: np.ndarray, classes: np.ndarray, groups: Numbers, shares: np.ndarray, seed: int
) -> np.ndarray:
    """Part of each row: groups are dealt out by their shares, and test groups keep their latest rows only.

    Latest are the fewest last moments that hold the test share of all rows, but never every moment. So at most the
    test share of the rows is left out, and each test group is measured at the end of the table.
    """
    moments, counts = np.unique(times, return_counts=True)
    from_here_on = np.cumsum(counts[::-1])[::-1]
    first = max(1, int(np.sum(from_here_on >= shares[TEST] * len(times) - 0.5)) - 1)
    parts = _by_group(classes, groups, shares, seed)
    return np.where((parts == TEST) & (times < moments[first]), LEFT_OUT, parts)


def _times(time: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(time), -np.inf, np.asarray(time, dtype=np.float64))


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
