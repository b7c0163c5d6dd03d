"""What each raw column did to a score: Shapley values on the margins, carried over to the score.

A margin's Shapley values add up on the margin scale, which nobody reads. The score is a bent function
of the margins, so the average slope of that function on the straight line from the base to the row
carries them over (Aumann and Shapley, 1974; integrated gradients: Sundararajan et al., 2017). For one
margin the average slope is (score - base) / (margin - base margin), without any integral.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tenure.records import Effect, Explanation
from tenure.release.calibration import PROBABILITY_FLOOR, Calibration

Float64 = npt.NDArray[np.float64]
Int = npt.NDArray[np.intp]

# Below this length of the path the quotient of differences loses digits that the derivative keeps.
SHORT_PATH = 1e-6
QUADRATURE_NODES = 24
LONGEST_TEXT = 40
# Below this share of a row's largest effect an effect is what rounding left.
NO_EFFECT = 1e-12


@dataclass(frozen=True, slots=True)
class ScoreEffects:
    """Effects that add up: base + effects.sum(axis=1) == scores, to rounding.

    base: score of the average training row, shape (n_rows,).  scores: shape (n_rows,).
    effects: shape (n_rows, d).
    """

    base: Float64
    scores: Float64
    effects: Float64


def score_effects(
    calibration: Calibration, contributions: Float64, margins: Float64, predicted: Int | None = None
) -> ScoreEffects:
    """Carry contributions to margins over to the score that a user sees.

    contributions: shape (n_rows, n_outputs, d + 1), the last column the base.  margins: shape
    (n_rows, n_outputs), whose score the effects must reach.  predicted: multiclass only, the class
    whose probability is explained, shape (n_rows,).  The score is the number itself for regression,
    P(positive) for two classes.
    """
    phi, base_margins = contributions[:, :, :-1], contributions[:, :, -1]
    if calibration.task == "regression":
        return _closed(base_margins[:, 0].copy(), margins[:, 0].copy(), phi[:, 0].copy())
    base_probabilities = calibration.probabilities(base_margins)
    probabilities = calibration.probabilities(margins)
    if calibration.task == "binary":
        base, scores = base_probabilities[:, 1], probabilities[:, 1]
        slope = _average_slope(calibration, phi[:, 0].sum(axis=1), base, scores, base_margins[:, 0])
        return _closed(base, scores, phi[:, 0] * slope[:, None])
    if predicted is None:
        predicted = probabilities.argmax(axis=1)
    rows = np.arange(len(margins))
    gradient = _average_gradient(calibration, base_margins, margins, predicted)
    effects = np.zeros((phi.shape[0], phi.shape[2]))
    for output in range(phi.shape[1]):
        effects += gradient[:, output, None] * phi[:, output]
    return _closed(base_probabilities[rows, predicted], probabilities[rows, predicted], effects)


def sum_by_column(effects: Float64, feature_columns: Sequence[int], n_columns: int) -> Float64:
    """Add up the encoded features of each raw column, shape (n_rows, d) -> (n_rows, n_columns)."""
    if len(effects) == 1:  # one row: plain floats do the same sums in a tenth of the time
        totals = [0.0] * n_columns
        for column, effect in zip(feature_columns, effects[0].tolist(), strict=True):
            totals[column] += effect
        return np.array([totals])
    result = np.zeros((len(effects), n_columns))
    for feature, column in enumerate(feature_columns):
        result[:, column] += effects[:, feature]
    return result


def _closed(base: Float64, scores: Float64, effects: Float64) -> ScoreEffects:
    """Put what quadrature and rounding left over onto the effects, in proportion to their size."""
    left = scores - base - effects.sum(axis=1)
    sizes = np.abs(effects)
    total = sizes.sum(axis=1)
    share = np.divide(left, total, out=np.zeros_like(left), where=total > 0)
    return ScoreEffects(base, scores, effects + sizes * share[:, None])


def _average_slope(
    calibration: Calibration, distance: Float64, base: Float64, scores: Float64, base_margin: Float64
) -> Float64:
    is_long = np.abs(distance) > SHORT_PATH
    quotient = np.divide(scores - base, distance, out=np.zeros_like(distance), where=is_long)
    if is_long.all():
        return quotient
    if calibration.output == "probability" and calibration.kind == "none":
        derivative = np.ones_like(base)
    else:
        derivative = calibration.slope * base * (1.0 - base)
        if calibration.output == "probability":
            share = np.clip(base_margin, PROBABILITY_FLOOR, 1.0 - PROBABILITY_FLOOR)
            derivative = derivative / (share * (1.0 - share))
    return np.where(is_long, quotient, derivative)


def _average_gradient(calibration: Calibration, start: Float64, end: Float64, predicted: Int) -> Float64:
    """Mean gradient of P(predicted class) by the margins from start to end, shape (n_rows, n_outputs).

    Gauss-Legendre quadrature, exact for polynomials of degree 47.
    """
    nodes, weights = np.polynomial.legendre.leggauss(QUADRATURE_NODES)
    result = np.zeros_like(start)
    for node, weight in zip((nodes + 1.0) / 2.0, weights / 2.0, strict=True):
        result += weight * _gradient(calibration, start + node * (end - start), predicted)
    return result


def _gradient(calibration: Calibration, margins: Float64, predicted: Int) -> Float64:
    rows = np.arange(len(margins))
    own = np.zeros_like(margins)
    own[rows, predicted] = 1.0
    if calibration.output == "probability" and calibration.kind == "none":
        total = margins.sum(axis=1, keepdims=True)
        constant_sum: Float64 = (own - margins[rows, predicted][:, None] / total) / total
        return constant_sum
    scale: Float64 | float = calibration.slope if calibration.kind == "softmax" else 1.0
    logits = margins
    if calibration.output == "probability":
        clipped = np.clip(margins, PROBABILITY_FLOOR, 1.0)
        logits, scale = np.log(clipped), np.where(margins >= PROBABILITY_FLOOR, scale / clipped, 0.0)
    if calibration.kind == "softmax":
        logits = calibration.slope * logits + np.array(calibration.biases)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = powers / powers.sum(axis=1, keepdims=True)
    gradient: Float64 = probabilities[rows, predicted][:, None] * (own - probabilities) * scale
    return gradient


@dataclass(frozen=True, slots=True)
class Cell:
    """A raw column's value as a reader sees it. missing: the recipe reads the value as missing."""

    column: str
    value: object
    missing: bool
    labels: tuple[str, ...] = ()


def explain(
    base: float,
    score: float,
    effects: Sequence[float],
    cell: Callable[[int], Cell],
    *,
    n: int,
    outcome: str | None,
) -> Explanation:
    """Choose the n largest effects of one row and say them in words.

    effects: one a raw column.  cell: gives the cell of a column by its place.  outcome: the class that the score is the
    chance of, None for regression.  Columns without any effect are not listed.
    """
    sizes = [_settled(abs(effect)) for effect in effects]
    smallest = NO_EFFECT * max(sizes, default=0.0)
    order = sorted(range(len(sizes)), key=sizes.__getitem__, reverse=True)
    listed = [index for index in order[: max(n, 0)] if sizes[index] > smallest]
    cells = [cell(index) for index in listed]
    chosen = tuple(
        Effect(c.column, c.value, effects[i], effect_text(c, effects[i], outcome))
        for i, c in zip(listed, cells, strict=True)
    )
    rest = sum(effects[index] for index in order[len(listed) :])
    return Explanation(score, base, chosen, float(rest))


def effect_text(cell: Cell, effect: float, outcome: str | None) -> str:
    """Say one effect in words.

    >>> effect_text(Cell("Contract", "Month-to-month", False), 0.2104, "Yes")
    'Contract = Month-to-month raises the chance of Yes by 0.21'
    >>> effect_text(Cell("bmi", None, True), -12.31, None)
    'bmi is missing, which lowers the prediction by 12.3'
    """
    verb = "raises" if effect > 0 else "lowers"
    what = "the prediction" if outcome is None else f"the chance of {outcome}"
    settled = _settled(abs(effect))
    size = _number_text(settled) if outcome is None else _chance_text(settled)
    subject = f"{cell.column} is missing, which" if cell.missing else f"{cell.column} = {value_text(cell)}"
    return f"{subject} {verb} {what} by {size}"


def value_text(cell: Cell) -> str:
    """A raw value as it is written in the data: whole floats without a point, long texts cut."""
    value = cell.value
    if isinstance(value, bool) and len(cell.labels) == 2:
        return cell.labels[int(value)]
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    text = " ".join(str(value).split())
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"


def _settled(size: float) -> float:
    """A size to ten digits, so that ways of computing that differ in rounding give the same order and words."""
    return float(f"{size:.10g}")


def _chance_text(size: float) -> str:
    if size >= 0.01:
        return f"{size:.2f}"
    return f"{size:.3f}" if size >= 0.001 else "less than 0.001"


def _number_text(size: float) -> str:
    return f"{size:.0f}" if 100 <= size < 1e15 else f"{size:.3g}"
