"""What Classifier and Regressor share: rows in, the training of tenure, the release's own scores out."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Iterable, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl
from sklearn.base import BaseEstimator
from sklearn.utils import check_array, check_consistent_length, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from tenure.config import parse_duration
from tenure.errors import TenureError
from tenure.estimators.fitted import FittedModel, fitted_model
from tenure.estimators.frames import frame_of, frame_of_array, is_frame
from tenure.estimators.generating import generate
from tenure.estimators.targets import name_of, outcome_array
from tenure.estimators.weights import Counted, count_rows
from tenure.model.checks import nearly_perfect
from tenure.model.generated import Generated
from tenure.model.settings import FAMILIES, TrainSettings
from tenure.model.train import Trained, TrainingTable, train
from tenure.prepare.columns import read, settle
from tenure.prepare.learn import learn_recipe
from tenure.prepare.recipe import TargetRecipe
from tenure.prepare.sql.learn import with_features
from tenure.records import Explanation
from tenure.release.metrics import HIGHER_IS_BETTER
from tenure.release.scorer import TableScores

if TYPE_CHECKING:
    from collections.abc import Iterator

Float64 = npt.NDArray[np.float64]

FEWEST_TRIALS, MOST_TRIALS = 2, 20
ROWS_A_TRIAL = 100


class InputRefused(TenureError, ValueError):
    """A mistake that the caller can mend, in the form that scikit-learn's users catch: a ValueError."""


def usual_trials(n_rows: int) -> int:
    """Trials where neither a budget nor a number is given: one for every 100 rows, from 2 to 20.

    >>> usual_trials(50), usual_trials(700), usual_trials(100_000)
    (2, 7, 20)
    """
    return min(MOST_TRIALS, max(FEWEST_TRIALS, n_rows // ROWS_A_TRIAL))


class TableEstimator(BaseEstimator):  # type: ignore[misc]
    """Parameters, fitting, scoring, saving; the two public classes add what their task asks for.

    A fitted one holds `model_`, plain data, and a scorer made from it, which is not pickled.
    """

    budget: float | str | None
    trials: int | None
    candidates: Iterable[str] | None
    metric: str | None
    blend: bool
    generate_features: bool
    random_state: Any
    threads: int | None

    model_: FittedModel
    n_features_in_: int

    def __sklearn_tags__(self) -> Any:
        """Missing cells and text are taken; sparse matrices are not."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the scorer, which holds a C library's handle and is made again from the data."""
        return {name: value for name, value in super().__getstate__().items() if name != "_scorer"}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        super().__setstate__(dict(state))
        if "model_" in self.__dict__:
            self._scorer = self.model_.scorer()

    @property
    def leaderboard_(self) -> list[dict[str, Any]]:
        """One entry a trial, the best first: family, params, state, score, loss, rounds, seconds.

        score: the metric (`metric_`) on the rows that the folds held out; None for a trial that was stopped early.
        """
        check_is_fitted(self)
        return [dict(entry) for entry in self.model_.leaderboard]

    @property
    def importance_(self) -> dict[str, float]:
        """Mean absolute effect of each column on the score, the largest first."""
        check_is_fitted(self)
        return dict(self.model_.importance)

    @property
    def features_(self) -> list[dict[str, Any]]:
        """The generated features that were kept: name, sql, and gain, by how much each lowers the loss of a row."""
        check_is_fitted(self)
        return [{"name": f.name, "sql": f.sql, "gain": f.gain} for f in self.model_.features]

    def explain(self, X: Any, n: int | None = None) -> list[Explanation]:
        """The n largest effects of each row (None: all); base + effects + rest is the score.

        The score is the probability of the positive class, or of the predicted one of several, or the number.
        """
        frame = self._rows(X)
        with _as_value_errors():
            return self._scorer.explain_table(frame, frame.width if n is None else n)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the fitted model as a release folder at this path: data only, every file hashed, no pickle.

        A release that is there already is replaced; anything else is refused with ReleaseError.
        """
        from tenure.estimators.saving import save_estimator

        check_is_fitted(self)
        return save_estimator(self, Path(path))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a release folder: one that save wrote, or one of a project. It predicts the same bits."""
        from tenure.estimators.saving import load_estimator

        loaded = load_estimator(cls, Path(path))
        if not isinstance(loaded, cls):
            raise TypeError(f"a {type(loaded).__name__} was read where a {cls.__name__} was asked for")
        return loaded

    def _fit(
        self, X: Any, y: Any, sample_weight: Any, learn: Any, threshold: float | str = 0.5
    ) -> npt.NDArray[Any] | None:
        """Train on these rows; returns the classes. learn: (name, y) -> target recipe, classes or None, values."""
        frame = self._input(X, y, reset=True)
        outcome = outcome_array(y)
        check_consistent_length(frame, outcome)
        with _as_value_errors():
            rows = count_rows(frame, outcome, sample_weight)
            target, classes, values = learn(name_of(y, frame.columns), rows.y)
            seed = self._seed()
            self.model_ = self._train(rows, target, values, seed, threshold)
        self._scorer = self.model_.scorer()
        told = (*self._left_out(), *self.model_.recipe.warnings, *self.model_.warnings)
        for text in (*told, *_too_good(self.model_)):
            warnings.warn(text, UserWarning, stacklevel=3)
        return classes  # type: ignore[no-any-return]

    def _train(
        self, counted: Counted, target: TargetRecipe, y: Float64, seed: int, threshold: Any
    ) -> FittedModel:
        frame = counted.frame
        recipe = learn_recipe(frame.with_columns(pl.Series(target.name, y)), target)
        typed = read(recipe, frame.lazy()).collect()
        rows = settle(recipe, typed.lazy()).collect()
        table = TrainingTable(rows, y, group=counted.copies, weight=counted.weight)
        budget = parse_duration(self.budget) if isinstance(self.budget, str) else self.budget
        threads = self.threads or os.cpu_count() or 1
        found = Generated()
        if self.generate_features:
            found = generate(recipe, table, typed, budget=budget, seed=seed, threads=threads)
        if found.features:
            recipe = with_features(recipe, typed, {f.name: f.sql for f in found.features})
            rows = settle(recipe, typed.lazy()).collect()
            table = replace(table, features=rows)
        if budget is not None:
            budget = max(budget - found.seconds, 0.1 * budget)
        trials = usual_trials(len(y)) if self.trials is None and budget is None else self.trials
        settings = TrainSettings(
            candidates=FAMILIES if self.candidates is None else tuple(self.candidates),
            metric=self.metric,
            budget_seconds=budget,
            max_trials=trials,
            seed=seed,
            threads=threads,
            threshold=threshold,
            blend=self.blend,
        )
        nobody = table.rows(np.zeros(0, dtype=np.int64))
        trained = found.noted_in(train(recipe, table, nobody, settings))
        return fitted_model(recipe, frame, rows, trained, _leaderboard(trained), seed)

    def _scored(self, X: Any) -> TableScores:
        frame = self._rows(X)
        with _as_value_errors():
            scores = self._scorer.score_table(frame)
        if scores.problems:
            warnings.warn(
                f"{len(scores.problems)} cell(s) of X cannot be read and count as missing: {scores.problems[0]}",
                UserWarning,
                stacklevel=3,
            )
        return scores

    def _rows(self, X: Any) -> pl.DataFrame:
        """X as the columns that fit saw, by place; scikit-learn's own checks compare their names."""
        check_is_fitted(self)
        frame = self._input(X, reset=False)
        return frame.rename(dict(zip(frame.columns, self._columns, strict=True)))

    def _input(self, X: Any, y: Any = "no_validation", *, reset: bool) -> pl.DataFrame:
        if is_frame(X):
            frame = frame_of(X)
            # pandas and Polars are told by their names; what only speaks Arrow is shown as Polars.
            seen = X if hasattr(X, "iloc") or isinstance(X, pl.DataFrame) else frame
            validate_data(self, seen, y, reset=reset, skip_check_array=True)
            _check_filled(frame, 2 if reset else 1, type(self).__name__)
        else:
            fewest = 2 if reset else 1
            array = check_array(
                X,
                dtype=None,
                ensure_all_finite="allow-nan",
                ensure_min_samples=fewest,
                estimator=self,
                input_name="X",
            )
            validate_data(self, array, y, reset=reset, skip_check_array=True)
            frame = frame_of_array(array, [f"x{place}" for place in range(array.shape[1])])
        if reset:
            self._columns = tuple(frame.columns)
        return frame

    def _seed(self) -> int:
        if isinstance(self.random_state, (int, np.integer)):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _left_out(self) -> list[str]:
        ignored = self.model_.recipe.ignored
        return [f"column {name!r} is not used: {why}" for name, why in ignored.items()]


def _too_good(model: FittedModel) -> list[str]:
    """Check M301 by the rows that the folds held out; accuracy says nothing where one class is nearly all."""
    found = nearly_perfect(model.cross_validation, except_for=("accuracy",))
    if found is None:
        return []
    metric, value = found
    return [
        f"M301: {metric} of {value} on held-out rows is rarely true: look for a column that knows the answer"
    ]


def _check_filled(frame: pl.DataFrame, fewest: int, who: str) -> None:
    """scikit-learn's own words, for frames that its check of arrays does not see."""
    if frame.height < fewest:
        raise ValueError(
            f"Found array with {frame.height} sample(s) (shape={frame.shape}) while a minimum of {fewest} is "
            f"required by {who}."
        )
    if frame.width == 0:
        raise ValueError(
            f"Found array with 0 feature(s) (shape={frame.shape}) while a minimum of 1 is required by {who}."
        )


@contextmanager
def _as_value_errors() -> Iterator[None]:
    """Every mistake that the caller can mend, as a ValueError with the same words."""
    try:
        yield
    except ValueError:
        raise
    except TenureError as error:
        raise InputRefused(error.what, where=error.where, todo=error.todo) from error


def _leaderboard(trained: Trained) -> list[dict[str, Any]]:
    sign = -1.0 if HIGHER_IS_BETTER[trained.metric] else 1.0
    entries = [
        {
            "family": trial.family,
            "params": dict(trial.params),
            "state": trial.state,
            "score": trial.score,
            "loss": trial.loss,
            "rounds": trial.rounds,
            "seconds": trial.seconds,
        }
        for trial in trained.plan.trials
    ]
    return sorted(entries, key=lambda e: math.inf if e["score"] is None else sign * float(e["score"]))
