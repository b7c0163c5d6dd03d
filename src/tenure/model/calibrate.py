"""Learn how margins become probabilities, on rows that the models behind the margins have not seen."""

from __future__ import annotations

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
    task: Task, n_classes: int, margins: Float64, y: Float64, *, output: Output = "margin", seed: int = 0
) -> Calibration:
    """Return the correction that lowers cross-validated log loss, or none.

    margins: out-of-fold raw scores, shape (n, n_outputs); with output "probability" their logit is taken.
    y: shape (n,), class index.  For regression there is nothing to correct.
    """
    none = Calibration(task, n_classes, output=output)
    if task == "regression" or len(y) < FEWEST_ROWS:
        return none
    scores = as_margins(task, margins, output)
    held_out = calibration_losses(task, n_classes, scores, y, seed=seed)
    if held_out is None or held_out.mean() >= row_losses(task, scores, y).mean():
        return none
    return _fit(none, scores, y.astype(np.int64))


def calibration_losses(
    task: Task, n_classes: int, margins: Float64, y: Float64, *, seed: int = 0
) -> Float64 | None:
    """Loss of each row, shape (n,), with a correction that other rows taught; None with too few rows to learn one.

    margins: on the scale of log-odds, see as_margins.
    """
    if len(y) < FEWEST_ROWS:
        return None
    labels, none = y.astype(np.int64), Calibration(task, n_classes)
    group = np.random.default_rng(seed).permutation(len(y)) % FOLDS
    held_out = np.empty(len(y))
    for k in range(FOLDS):
        held = group == k
        fitted = _fit(none, margins[~held], labels[~held])
        held_out[held] = row_losses(task, apply_correction(fitted, margins[held]), labels[held])
    return held_out


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


def _fit(none: Calibration, margins: Float64, y: npt.NDArray[np.int64]) -> Calibration:
    if none.task == "binary":
        return _fit_sigmoid(none, margins[:, 0], y)
    return _fit_softmax(none, margins, y)


def _fit_sigmoid(none: Calibration, margins: Float64, y: npt.NDArray[np.int64]) -> Calibration:
    """Maximum likelihood of slope and intercept, drawn to (1, 0) as if by one row: Platt (1999)."""

    def loss(theta: Float64) -> tuple[float, Float64]:
        z = theta[0] * margins + theta[1]
        error = expit(z) - y
        pull = theta - np.array([1.0, 0.0])
        value = np.sum(np.logaddexp(0.0, z) - y * z) + 0.5 * pull @ pull
        return float(value), np.array([error @ margins, error.sum()]) + pull

    best = minimize(
        loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(1e-3, None), (None, None)]
    ).x
    return replace(none, kind="sigmoid", slope=float(best[0]), intercept=float(best[1]))


def _fit_softmax(none: Calibration, margins: Float64, y: npt.NDArray[np.int64]) -> Calibration:
    """Maximum likelihood of 1 / temperature and a bias a class, drawn to (1, 0): Guo et al. (2017)."""
    rows, n_classes = np.arange(len(y)), none.n_classes

    def loss(theta: Float64) -> tuple[float, Float64]:
        logs = log_softmax(theta[0] * margins + theta[1:], axis=1)
        error = np.exp(logs)
        value = -logs[rows, y].sum()
        error[rows, y] -= 1.0
        pull = theta - np.eye(1, n_classes + 1)[0]
        gradient = np.concatenate([[np.sum(error * margins)], error.sum(axis=0)])
        return float(value + 0.5 * pull @ pull), gradient + pull

    start = np.eye(1, n_classes + 1)[0]
    best = minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=[(1e-3, None)] + [(None, None)] * n_classes
    ).x
    return replace(none, kind="softmax", slope=float(best[0]), biases=tuple(best[1:].tolist()))
