"""Two units in one column: a share of the amounts a round factor above the others, as cents among euros."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

Float64 = npt.NDArray[np.float64]

# What one unit is in another, and what people mistake: powers of ten, months, pounds, inches, miles, ounces, feet.
FACTORS = (10.0, 100.0, 1000.0, 1e6, 12.0, 2.2046, 2.54, 1.609344, 28.3495, 3.28084, 60.0, 3600.0)
_FEWEST, _LEAST_SHARE = 20, 0.01
# In decades: no amount lies in between, and hardly any gap beside this one is as wide.
_LEAST_GAP, _TIMES_WIDER = 0.15, 3.0
# How far the medians may be from the factor apart, in their own standard errors, and at most in decades.
_SIGMAS, _MOST_OFF = 4.0, 0.03
# The two spreads are alike within this factor.
_SPREAD_RATIO = 1.6
_MOST_CELLS = 200_000
# A block of rows, or a level, explains the units when it tells so many of them.
_PURE = 0.98


@dataclass(frozen=True, slots=True)
class Scale:
    """Amounts of one column in two units.

    factor: what the larger ones are divided by to be like the others.  above: the absolute value that parts them.
    n_large, n_small: cells.  where: what explains which cells are large, or None.
    """

    column: str
    factor: float
    above: float
    n_large: int
    n_small: int
    where: str | None = None

    @property
    def expression(self) -> str:
        """A feature in SQL that brings all to the unit of the smaller ones."""
        name = '"' + self.column.replace('"', '""') + '"'
        return f"CASE WHEN ABS({name}) > {self.above:.6g} THEN {name} / {self.factor:g} ELSE {name} END"

    @property
    def warning(self) -> str:
        """What a person should know of it."""
        where = f" ({self.where})" if self.where else ""
        return (
            f"column {self.column!r}: {self.n_large} cell(s) are about {self.factor:g} times the other "
            f"{self.n_small}, with none between{where}; if they are in another unit, take the feature {self.expression}"
        )


def find_scales(name: str, values: Float64, beside: pl.DataFrame | None = None) -> Scale | None:
    """Find a second unit in a column of amounts; None where there is none.

    values: float64 [n], NaN where missing.  beside: typed columns of the same rows that may explain the units.
    A second unit is two clusters of log10 |x|, with nothing between, of the same spread, a known factor apart.
    """
    size = np.abs(values)
    logs = np.sort(np.log10(size[np.isfinite(size) & (size > 0)]))
    logs = logs[:: max(1, len(logs) // _MOST_CELLS)]
    cut = _cut(logs)
    if cut is None:
        return None
    factor = _factor(logs[:cut], logs[cut:])
    if factor is None:
        return None
    above = float(10 ** ((logs[cut - 1] + logs[cut]) / 2))
    known = np.isfinite(size) & (size > 0)
    is_large = known & (size > above)
    where = _explain(is_large, known, beside) if beside is not None else None
    n_large = int(is_large.sum())
    return Scale(name, factor, above, n_large, int(known.sum()) - n_large, where)


def _cut(logs: Float64) -> int | None:
    """Where the widest gap lies that leaves enough amounts on both sides; None if it is not wide enough."""
    least = max(_FEWEST, int(np.ceil(_LEAST_SHARE * len(logs))))
    if len(logs) < 2 * least:
        return None
    gaps = np.diff(logs)[least - 1 : len(logs) - least]
    if len(gaps) == 0:
        return None
    widest = int(gaps.argmax())
    rest = np.delete(gaps, widest)
    if gaps[widest] < max(_LEAST_GAP, _TIMES_WIDER * rest.max(initial=0.0)):
        return None
    return widest + least


def _factor(small: Float64, large: Float64) -> float | None:
    """The known factor that the medians are apart, when the clusters are alike but for it."""
    spreads = [float(np.subtract(*np.quantile(part, (0.75, 0.25)))) for part in (small, large)]
    if min(spreads) <= 0.0 or max(spreads) > _SPREAD_RATIO * min(spreads):
        return None
    apart = float(np.median(large) - np.median(small))
    # The standard error of a median of normal values, by the quartiles: 1.253 * IQR / 1.349 / sqrt(n).
    error = float(
        np.hypot(*(0.93 * s / np.sqrt(len(p)) for s, p in zip(spreads, (small, large), strict=True)))
    )
    nearest = min(FACTORS, key=lambda factor: abs(np.log10(factor) - apart))
    off = abs(float(np.log10(nearest)) - apart)
    return nearest if off <= min(_SIGMAS * error, _MOST_OFF) else None


def _explain(
    is_large: npt.NDArray[np.bool_], known: npt.NDArray[np.bool_], beside: pl.DataFrame
) -> str | None:
    """What tells the large amounts from the others: a block of rows, a time, or the level of another column."""
    rows = np.flatnonzero(known)
    large = is_large[rows]
    if (block := _block(large)) is not None:
        return f"{block} row {rows[_change(large)]}"
    for name, dtype in beside.schema.items():
        cells = beside[name].gather(rows)
        if dtype in (pl.String, pl.Boolean) and (levels := _levels(large, cells)):
            return f"where {name} is {levels}"
        if dtype == pl.Int64 and not cells.null_count():  # a date, as columns.read gives it
            order = np.argsort(cells.to_numpy(), kind="stable")
            if (block := _block(large[order])) is not None:
                return f"{block} some {name}"
    return None


def _change(large: npt.NDArray[np.bool_]) -> int:
    """The position from which on most cells are of the other size than before."""
    before = np.cumsum(np.where(large, 1, -1))
    return int(np.abs(2 * before - before[-1]).argmax()) + 1 if len(large) > 1 else 0


def _block(large: npt.NDArray[np.bool_]) -> str | None:
    at = _change(large)
    right = large[at:].sum() + (~large[:at]).sum()
    # of the rarer size, too, hardly any may lie on the wrong side: else a block of all rows would explain a few
    most_wrong = (1.0 - _PURE) * min(large.sum(), (~large).sum())
    if len(large) - right <= most_wrong:
        return "from"
    return "before" if right <= most_wrong else None


def _levels(large: npt.NDArray[np.bool_], cells: pl.Series) -> str | None:
    table = (
        pl.DataFrame({"cell": cells.cast(pl.String), "large": large})
        .group_by("cell")
        .agg(pl.len().alias("n"), pl.col("large").sum())
        .sort("n", "cell", descending=[True, False])
    )
    if table.height > 50:
        return None
    mostly = pl.col("large") * 2 > pl.col("n")
    right = table.select(pl.when(mostly).then("large").otherwise(pl.col("n") - pl.col("large")).sum()).item()
    named = table.filter(mostly)["cell"].to_list()
    if right < _PURE * len(large) or not named or len(named) == table.height:
        return None
    return " or ".join(map(repr, named[:3])) + (f" or one of {len(named) - 3} more" if len(named) > 3 else "")
