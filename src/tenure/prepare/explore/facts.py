"""What an exploration found, as plain data: the page, the terminal and --json are drawn from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tenure.records import Estimate, Task

Severity = Literal["act", "look", "note"]
Measure = Literal["Spearman", "Cramér's V", "correlation ratio"]


@dataclass(frozen=True, slots=True)
class Group:
    """The rows of one bin, level or period, and the target among them.

    low, high: ends of a bin of numbers (dates: microseconds); None for levels.  n: rows of the sample.
    share: of the column's filled rows.  target: with intervals, the positive class's rate (binary), each class's
    share (multiclass) or the mean (regression); empty when no row of the group has a target.
    """

    label: str
    n: int
    share: float
    target: tuple[Estimate, ...] = ()
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Numbers:
    """quantiles: share below -> value; 0 and 1 are the ends.  skew_hint: (q99 - q50) / (q50 - q1), NaN if flat.

    zeros: share of the numbers that are 0 in the sample.
    """

    mean: float
    std: float
    quantiles: Mapping[float, float]
    rank_error: float
    zeros: float


@dataclass(frozen=True, slots=True)
class Association:
    """How strongly two columns go together, 0 to 1 (Spearman: -1 to 1), with a 95 % interval.

    n: rows of the sample in which both are filled.  pearson: for two columns of numbers.
    """

    first: str
    second: str
    measure: Measure
    strength: Estimate
    n: int
    pearson: float | None = None

    @property
    def size(self) -> float:
        """The strength without its sign."""
        return abs(self.strength.value)


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """One column.

    why: the reason it is no feature, or None.  reading: how its cells are read, in words.
    missing: cells of the whole table that are null or a null token.  null_tokens: folded text -> cells.
    distinct_error: standard error of distinct, as a share.  histogram: bins of equal width over the middle 99 %
    of the numbers; classes: for each bin, the shares of the target's classes.  beyond: shares of the numbers
    below the first and above the last bin.  groups: quantile bins or levels with the target.
    top: the most frequent cells as they stand.  top_error: each count is at most this much too low.
    with_target: association with the target.
    """

    name: str
    kind: str
    why: str | None
    reading: tuple[str, ...]
    n: int
    missing: int
    null_tokens: Mapping[str, int]
    distinct: int
    distinct_error: float
    numbers: Numbers | None = None
    lengths: tuple[int, float, int] | None = None
    histogram: tuple[Group, ...] = ()
    beyond: tuple[float, float] = (0.0, 0.0)
    groups: tuple[Group, ...] = ()
    gap: Group | None = None
    top: tuple[tuple[str, int], ...] = ()
    top_error: int = 0
    with_target: Association | None = None
    warning: str | None = None

    @property
    def missing_share(self) -> float:
        """Share of the cells that are missing."""
        return self.missing / self.n if self.n else 0.0


@dataclass(frozen=True, slots=True)
class TargetFacts:
    """The target. counts: class -> rows of the whole table (estimated from the sample when is_exact is False).

    overall: what Group.target holds, of all rows of the sample.
    """

    name: str
    task: Task
    classes: tuple[str, ...]
    positive: str | None
    counts: Mapping[str, int]
    is_exact: bool
    missing: int
    overall: tuple[Estimate, ...]


@dataclass(frozen=True, slots=True)
class GapPattern:
    """Columns that are missing together, exactly these, and the target among such rows."""

    columns: tuple[str, ...]
    n: int
    share: float
    target: tuple[Estimate, ...]


@dataclass(frozen=True, slots=True)
class Missingness:
    """patterns: the most frequent first, of n rows.  together: pairs of columns, phi of their gaps."""

    n: int
    patterns: tuple[GapPattern, ...]
    together: tuple[Association, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """How one column moves over time. what: "mean", "share of X" or "missing".  values: one a period, NaN if empty.

    strength: association of the column (or its gaps) with the period.
    """

    column: str
    what: str
    values: tuple[Estimate, ...]
    strength: Estimate


@dataclass(frozen=True, slots=True)
class Trends:
    """column: of time; is_named: by the user.  every: length of a period.  periods: rows and target of each."""

    column: str
    is_named: bool
    every: str
    n: int
    periods: tuple[Group, ...]
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Repeats:
    """Rows that equal an earlier row: in all columns; and in all but `apart_from`, which name the rows.

    is_exact: False when they were estimated from a part of the rows chosen by their hash.
    """

    n: int
    apart_from: tuple[str, ...]
    n_apart: int
    is_exact: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """A warning. severity: act before training, look at it, or know it."""

    severity: Severity
    column: str | None
    what: str
    todo: str
