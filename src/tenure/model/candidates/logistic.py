"""Logistic regression (ridge regression for numbers), straight or bent by hinges at quantiles."""

from __future__ import annotations

import threading
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tenure.model.candidates.base import Facts, FitContext, Fitted, Float64, Params, Part, Style
from tenure.model.document import ModelDocument, linear_document
from tenure.release.linear import LinearPredictor

if TYPE_CHECKING:
    import optuna


@dataclass(frozen=True, slots=True)
class FittedLinear:
    """Coefficients on the encoded features as they are: the scaling is folded in.

    coefficients: shape (n_outputs, d).  intercept: shape (n_outputs,).  means: shape (d,), of the training
    rows.
    """

    coefficients: Float64
    intercept: Float64
    means: Float64
    rounds: int = 0
    output: Literal["margin", "probability"] = "margin"

    def margins(self, part: Part, rounds: int | None = None) -> Float64:
        """Raw scores, shape (n, n_outputs)."""
        result: Float64 = part.X.astype(np.float64) @ self.coefficients.T + self.intercept
        return result

    def document(self, train: Part, rounds: int | None = None) -> ModelDocument:
        """The coefficients in the release's form."""
        return linear_document(LinearPredictor.from_intercept(self.coefficients, self.intercept, self.means))


class Logistic:
    """The linear model: fast, hard to beat on small tables."""

    name = "logistic"
    boosts = False

    def style(self, params: Params) -> Style:
        """Straight lines, or lines with a bend at each quantile."""
        return "spline" if params.get("spline") else "linear"

    def defaults(self, facts: Facts) -> list[dict[str, Any]]:
        """Nearly unpenalised and straight, then bent and penalised."""
        return [{"spline": False, "strength": 1.0}, {"spline": True, "strength": 10.0}]

    def suggest(self, trial: optuna.Trial, facts: Facts) -> dict[str, Any]:
        """Draw the strength of the ridge penalty on standardised features, and whether lines may bend."""
        return {
            "spline": trial.suggest_categorical("spline", [True, False]),
            "strength": trial.suggest_float("strength", 1e-1, 1e3, log=True),
        }

    def fit(
        self,
        train: Part,
        params: Params,
        context: FitContext,
        *,
        watch: Part | None = None,
        rounds: int | None = None,
    ) -> Fitted:
        """Fit on standardised features; it is over so soon that the deadline is looked at only before."""
        from sklearn.linear_model import LogisticRegression, Ridge

        context.check()
        facts = context.facts
        X = train.X.astype(np.float64)
        means, scales = _moments(X, train.weight)
        scales[scales < 1e-12] = 1.0
        Z = (X - means) / scales
        if facts.task == "regression":
            model = Ridge(alpha=float(params["strength"]), solver="cholesky").fit(
                Z, train.y, sample_weight=train.weight
            )
        else:
            solver = "newton-cholesky" if Z.shape[1] * facts.n_outputs <= 600 else "lbfgs"
            model = LogisticRegression(
                C=1.0 / float(params["strength"]), solver=solver, max_iter=200, tol=1e-5
            )
            with _SILENCE:
                # A flat optimum is no news to the user: the loss on held-out rows judges what came out.
                model.fit(Z, train.y, sample_weight=train.weight)
        weights = np.atleast_2d(model.coef_) / scales
        intercept = np.atleast_1d(model.intercept_) - weights @ means
        return FittedLinear(weights, intercept, means)


class _Silence:
    """Warnings are ignored while any thread is inside.

    warnings.catch_warnings is not made for threads: when two overlap, what one restores is what the other had set, and
    the whole process stays silent.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._before = warnings.catch_warnings()
                self._before.__enter__()
                warnings.simplefilter("ignore")
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._before.__exit__(None, None, None)


_SILENCE = _Silence()


def _moments(X: Float64, weight: Float64 | None) -> tuple[Float64, Float64]:
    """Means and standard deviations of the columns, each of shape (d,)."""
    if weight is None:
        return X.mean(axis=0), X.std(axis=0)
    means = np.average(X, axis=0, weights=weight)
    return means, np.sqrt(np.average(np.square(X - means), axis=0, weights=weight))
