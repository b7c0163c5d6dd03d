"""Small mergeable summaries of a stream of values: moments, quantiles, frequent values, distinct count.

All are deterministic: the same values in the same order give the same sketch, whatever the machine.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Value = str | float | bool


@dataclass(slots=True)
class Moments:
    """Count, mean, sum of squared deviations, smallest and largest of finite numbers.

    Source: Chan, Golub & LeVeque (1979), the pairwise update of the variance.
    """

    n: int = 0
    mean: float = 0.0
    m2: float = 0.0
    low: float = math.inf
    high: float = -math.inf

    def update(self, values: np.ndarray) -> None:
        """Add finite values, float [n]."""
        if len(values):
            mean = float(values.mean())
            m2 = float(np.square(values - mean).sum())
            self.merge(Moments(len(values), mean, m2, float(values.min()), float(values.max())))

    def merge(self, other: Moments) -> None:
        """Add the values of another."""
        if not other.n:
            return
        n = self.n + other.n
        delta = other.mean - self.mean
        self.mean += delta * (other.n / n)
        self.m2 += other.m2 + delta * delta * (self.n * other.n / n)
        self.n, self.low, self.high = n, min(self.low, other.low), max(self.high, other.high)

    @property
    def std(self) -> float:
        """Standard deviation of the sample (divided by n - 1); NaN for fewer than two values."""
        return math.sqrt(self.m2 / (self.n - 1)) if self.n > 1 else math.nan

    def to_dict(self) -> dict[str, Any]:
        """JSON data; infinite bounds of an empty one are left out."""
        body: dict[str, Any] = {"n": self.n, "mean": self.mean, "m2": self.m2}
        return body | ({"low": self.low, "high": self.high} if self.n else {})

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> Moments:
        """Read what to_dict wrote."""
        return cls(**body)


@dataclass(slots=True)
class QuantileSketch:
    """Quantiles of a stream within a rank error that the sketch keeps account of.

    levels[i] holds values that stand for 2**i values each. A full level is sorted and every second value
    moves up, the first or the second of each pair in turn. One such step changes the rank of any point by at
    most 2**i, up or down by turns, so that the two sums over and under bound the error of every rank.
    Source: Munro & Paterson (1980); Manku, Rajagopalan & Lindsay (1998).
    """

    n: int = 0
    over: int = 0
    under: int = 0
    levels: list[np.ndarray] = field(default_factory=list)
    next_up: list[bool] = field(default_factory=list)

    CAPACITY = 2048

    def update(self, values: np.ndarray) -> None:
        """Add finite values, float [n]; how they are cut into batches changes nothing."""
        if len(values):
            self.n += len(values)
            self._push(0, np.asarray(values, dtype=np.float64))

    def merge(self, other: QuantileSketch) -> None:
        """Add the values of another; the error bounds add up."""
        self.n += other.n
        self.over += other.over
        self.under += other.under
        for level, values in enumerate(other.levels):
            self._push(level, values)

    @property
    def rank_error(self) -> float:
        """The largest possible error of a rank, as a share of n; 0 while all values are kept."""
        return max(self.over, self.under) / self.n if self.n else 0.0

    def quantile(self, q: float | np.ndarray) -> np.ndarray:
        """The smallest kept value with a share of at least q at or below it; NaN when empty. q in [0, 1]."""
        values, weights = self.points()
        if not len(values):
            return np.full(np.shape(q), np.nan)
        reached = np.searchsorted(np.cumsum(weights), np.asarray(q) * self.n * (1.0 - 1e-12), side="left")
        return values[np.minimum(reached, len(values) - 1)]

    def cdf(self, x: float | np.ndarray) -> np.ndarray:
        """The share of values at or below x; NaN when empty."""
        values, weights = self.points()
        if not len(values):
            return np.full(np.shape(x), np.nan)
        below = np.concatenate(([0], np.cumsum(weights)))
        return below[np.searchsorted(values, np.asarray(x), side="right")] / self.n

    def points(self) -> tuple[np.ndarray, np.ndarray]:
        """The kept values, sorted, float [m], and what each stands for, int [m]; the weights sum to n."""
        values = np.concatenate([np.empty(0), *self.levels])
        weights = np.concatenate(
            [np.empty(0, dtype=np.int64), *(np.full(len(v), 1 << i) for i, v in enumerate(self.levels))]
        )
        order = np.argsort(values, kind="stable")
        return values[order], weights[order]

    def to_dict(self) -> dict[str, Any]:
        """JSON data."""
        return {
            "n": self.n,
            "over": self.over,
            "under": self.under,
            "levels": [level.tolist() for level in self.levels],
            "next_up": list(self.next_up),
        }

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> QuantileSketch:
        """Read what to_dict wrote."""
        levels = [np.asarray(level, dtype=np.float64) for level in body["levels"]]
        return cls(body["n"], body["over"], body["under"], levels, list(body["next_up"]))

    def _push(self, level: int, values: np.ndarray) -> None:
        while level >= len(self.levels):
            self.levels.append(np.empty(0))
            self.next_up.append(False)
        held = np.concatenate((self.levels[level], values)) if len(self.levels[level]) else values
        full = len(held) - len(held) % self.CAPACITY
        self.levels[level] = held[full:].copy()
        if not full:
            return
        blocks = np.sort(held[:full].reshape(-1, self.CAPACITY), axis=1)
        # The first value of each pair overstates ranks between the two, the second understates them.
        second = (np.arange(len(blocks)) + self.next_up[level]) % 2 == 1
        n_second = int(second.sum())
        self.over += (len(blocks) - n_second) << level
        self.under += n_second << level
        self.next_up[level] ^= len(blocks) % 2 == 1
        self._push(level + 1, np.where(second[:, None], blocks[:, 1::2], blocks[:, 0::2]).ravel())


@dataclass(slots=True)
class FrequentValues:
    """The most frequent values: exact up to `capacity` different ones, then counts at most `error` too low.

    Source: Misra & Gries (1982), merged after Agarwal et al. (2012).
    """

    capacity: int = 1024
    error: int = 0
    counts: dict[Value, int] = field(default_factory=dict)

    def update(self, values: Sequence[Value], counts: Sequence[int], *, left_out: int = 0) -> None:
        """Add different values with their counts.

        left_out: how often the most frequent of the values was met that the caller left out, because more than
        `capacity` values of the same batch were met as often or oftener. 0: none was left out.
        """
        held = self.counts
        for value, count in zip(values, counts, strict=True):
            held[value] = held.get(value, 0) + count
        least = left_out
        if len(held) > self.capacity:
            least = max(least, sorted(held.values(), reverse=True)[self.capacity])
        if least:
            self.error += least
            self.counts = {value: count - least for value, count in held.items() if count > least}

    def merge(self, other: FrequentValues) -> None:
        """Add the values of another; the errors add up."""
        self.error += other.error
        self.update(list(other.counts), list(other.counts.values()))

    @property
    def top(self) -> list[tuple[Value, int]]:
        """Values with their counts, the most frequent first, equal counts by value."""
        return sorted(self.counts.items(), key=lambda item: (-item[1], str(item[0])))

    def to_dict(self) -> dict[str, Any]:
        """JSON data."""
        return {"capacity": self.capacity, "error": self.error, "top": [list(item) for item in self.top]}

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> FrequentValues:
        """Read what to_dict wrote."""
        return cls(body["capacity"], body["error"], dict(body["top"]))


@dataclass(slots=True)
class DistinctCount:
    """How many different values there are: exact below CAPACITY, then an estimate from the smallest hashes.

    The relative standard error of the estimate is 1 / sqrt(CAPACITY - 2), 2.2 %.
    Source: Bar-Yossef et al. (2002), k minimum values; unbiased form of Beyer et al. (2007).
    """

    hashes: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.uint64))

    CAPACITY = 2048

    def update(self, hashes: np.ndarray) -> None:
        """Add the 64-bit hashes of values, uint64 [n]; order and repeats change nothing."""
        if len(self.hashes) == self.CAPACITY:
            hashes = hashes[hashes < self.hashes[-1]]
        if len(hashes):
            merged = np.sort(np.concatenate((self.hashes, hashes)))
            self.hashes = merged[np.concatenate(([True], merged[1:] != merged[:-1]))][: self.CAPACITY]

    def merge(self, other: DistinctCount) -> None:
        """Add the values of another."""
        self.update(other.hashes)

    @property
    def is_exact(self) -> bool:
        """Whether the count is exact (but for equal hashes)."""
        return len(self.hashes) < self.CAPACITY

    @property
    def count(self) -> int:
        """The number of different values."""
        if self.is_exact:
            return len(self.hashes)
        return round((self.CAPACITY - 1) / ((float(self.hashes[-1]) + 1.0) / 2.0**64))

    @property
    def relative_error(self) -> float:
        """Standard error of count as a share of it; 0 when exact."""
        return 0.0 if self.is_exact else 1.0 / math.sqrt(self.CAPACITY - 2)

    def to_dict(self) -> dict[str, Any]:
        """JSON data; the hashes are base64 of little-endian 64-bit words."""
        return {"count": self.count, "hashes": base64.b64encode(self.hashes.astype("<u8").tobytes()).decode()}

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> DistinctCount:
        """Read what to_dict wrote."""
        return cls(np.frombuffer(base64.b64decode(body["hashes"]), dtype="<u8").astype(np.uint64))
