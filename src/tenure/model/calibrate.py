"""Learn how margins become probabilities, on rows that the models behind the margins have not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, logsumexp

from tenure.records import Task
from tenure.release.calibration import PROBABILITY_FLOOR, Calibration, Output

Float64 = npt.NDArray[np.float64]

FOLDS = 5
FEWEST_ROWS = 100
"""With fewer rows there is nothing to learn a correction from."""


def learn_calibration(
    task: Task,
    n_classes: int,
    margins: Float64,
    y: Float64,
    *,
    output: Output = "margin",
    seed: int = 0,
    weight: Float64 | None = None,
    class_weight: Sequence[float] | None = None,
) -> Calibration:
    """Return the correction that lowers cross-validated log loss, or none.

    margins: out-of-fold raw scores, shape (n, n_outputs); with output "probability" their logit is taken.
    y: shape (n,), class index.  For regression there is nothing to correct.
    weight: shape (n,), how much each row counts.  class_weight: what the model was fitted with, see uncalibrated.
    """
    none = uncalibrated(task, n_classes, output, class_weight)
    if task == "regression" or len(y) < FEWEST_ROWS:
        return none
    scores = as_margins(task, margins, output)
    w = np.ones(len(y)) if weight is None else weight / np.mean(weight)
    before = row_losses(task, apply_correction(none, scores), y)
    held_out = calibration_losses(none, scores, y, weight=w, seed=seed)
    if held_out is None or np.mean(w * held_out) >= np.mean(w * before):
        return none
    return _fit(none, scores, y.astype(np.int64), w)


def calibration_losses(
    none: Calibration, margins: Float64, y: Float64, *, weight: Float64 | None = None, seed: int = 0
) -> Float64 | None:
    """Loss of each row, shape (n,), with a correction that other rows taught; None with too few rows to learn one.

    none: what stands before anything is learned, see uncalibrated.  margins: on the scale of log-odds, see as_margins.
    weight: shape (n,), of mean 1; None: all the same.
    """
    if len(y) < FEWEST_ROWS:
        return None
    labels, w = y.astype(np.int64), np.ones(len(y)) if weight is None else weight
    group = np.random.default_rng(seed).permutation(len(y)) % FOLDS
    held_out = np.empty(len(y))
    for k in range(FOLDS):
        held = group == k
        fitted = _fit(none, margins[~held], labels[~held], w[~held])
        held_out[held] = row_losses(none.task, apply_correction(fitted, margins[held]), labels[held])
    return held_out


def uncalibrated(
    task: Task, n_classes: int, output: Output = "margin", class_weight: Sequence[float] | None = None
) -> Calibration:
    """What stands before anything is learned: scores as they are, with the weights of classes taken out.

    A model fitted with class weights w estimates w_k p_k / sum(w p): its log-odds are off by log w, a shift that
    is known and needs no data. Source: Elkan (2001), "The Foundations of Cost-Sensitive Learning", theorem 2.
    """
    if class_weight is None or task == "regression":
        return Calibration(task, n_classes, output=output)
    logs = np.log(np.asarray(class_weight))
    if task == "binary":
        return Calibration(task, n_classes, "sigmoid", output, intercept=float(logs[0] - logs[1]))
    return Calibration(task, n_classes, "softmax", output, biases=tuple((-logs).tolist()))


def as_margins(task: Task, scores: Float64, output: Output) -> Float64:
    """Raw scores on the scale of log-odds (binary) or log-probabilities; shape stays (n, n_outputs)."""
    if task == "regression" or output == "margin":
        return scores
    if task == "binary":
        p = np.clip(scores, PROBABILITY_FLOOR, 1.0 - PROBABILITY_FLOOR)
        return np.asarray(np.log(p / (1.0 - p)))
    return np.asarray(np.log(np.clip(scores, PROBABILITY_FLOOR, 1.0)))


def row_losses(task: Task, margins: Float64, y: npt.NDArray[np.int64] | Float64) -> Float64:
    """Log loss of each row (classes) or squared error (regression) from margins of shape (n, n_outputs)."""
    if task == "regression":
        return np.asarray(np.square(margins[:, 0] - y))
    if task == "binary":
        m = margins[:, 0]
        return np.asarray(np.logaddexp(0.0, m) - y * m)
    labels = y.astype(np.int64)
    return np.asarray(logsumexp(margins, axis=1) - margins[np.arange(len(labels)), labels])


def apply_correction(calibration: Calibration, margins: Float64) -> Float64:
    """Corrected margins, shape (n, n_outputs), before sigmoid or softmax."""
    if calibration.kind == "softmax":
        return np.asarray(calibration.slope * margins + np.asarray(calibration.biases))
    return np.asarray(calibration.slope * margins + calibration.intercept)


def _fit(none: Calibration, margins: Float64, y: npt.NDArray[np.int64], w: Float64) -> Calibration:
    if none.task == "binary":
        return _fit_sigmoid(none, margins[:, 0], y, w)
    return _fit_softmax(none, margins, y, w)


def _fit_sigmoid(none: Calibration, margins: Float64, y: npt.NDArray[np.int64], w: Float64) -> Calibration:
    """Maximum likelihood of slope and intercept, drawn to those of `none` as if by one row: Platt (1999)."""
    start = np.array([1.0, none.intercept])

    def loss(theta: Float64) -> tuple[float, Float64]:
        z = theta[0] * margins + theta[1]
        error = w * (expit(z) - y)
        pull = theta - start
        value = np.sum(w * (np.logaddexp(0.0, z) - y * z)) + 0.5 * pull @ pull
        return float(value), np.array([error @ margins, error.sum()]) + pull

    best = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(1e-3, None), (None, None)]).x
    return replace(none, kind="sigmoid", slope=float(best[0]), intercept=float(best[1]))


def _fit_softmax(none: Calibration, margins: Float64, y: npt.NDArray[np.int64], w: Float64) -> Calibration:
    """Maximum likelihood of 1 / temperature and a bias a class, drawn to those of `none`: Guo et al. (2017)."""
    rows, n_classes = np.arange(len(y)), none.n_classes
    start = np.array([1.0, *(none.biases or (0.0,) * n_classes)])

    def loss(theta: Float64) -> tuple[float, Float64]:
        logs = log_softmax(theta[0] * margins + theta[1:], axis=1)
        error = np.exp(logs)
        value = -(w * logs[rows, y]).sum()
        error[rows, y] -= 1.0
        error *= w[:, None]
        pull = theta - start
        gradient = np.concatenate([[np.sum(error * margins)], error.sum(axis=0)])
        return float(value + 0.5 * pull @ pull), gradient + pull

    best = minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=[(1e-3, None)] + [(None, None)] * n_classes
    ).x
    return replace(none, kind="softmax", slope=float(best[0]), biases=tuple(best[1:].tolist()))
