"""Which live rows are looked at, and what they are: cleaned by the model's own recipe, as the service did it.

A row that is predicted every day is one row here: repeated predictions of one row id in a window are no
independent evidence. The first one counts.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tenure.errors import RowsRefused
from tenure.journal.entries import Prediction, to_micros
from tenure.monitor.report import Window
from tenure.monitor.samples import LEVEL_KINDS, SCORE, LevelSample, NumberSample, Sample, level_name
from tenure.prepare.recipe import ColumnRecipe, NumberFormat, Recipe, TargetRecipe
from tenure.prepare.rows import CleanValue, RowCleaner, cell_text

if TYPE_CHECKING:
    import polars as pl


def choose_window(
    window: float, label_delay: float, *, since: datetime | None = None, until: datetime | None = None
) -> Window:
    """The span to look at. window, label_delay: seconds, from the config.

    Drift and health look at the last `window` before until (default: now). Outcomes of those rows may not be
    there yet, so realised performance starts `label_delay` earlier. A given since holds for both.
    """
    end = _utc(until) if until else datetime.now(UTC)
    start = _utc(since) if since else end - timedelta(seconds=window)
    outcomes = start if since else start - timedelta(seconds=label_delay)
    return Window(since=start, until=end, outcomes_since=outcomes)


@dataclass(frozen=True, slots=True)
class LiveRows:
    """The live rows of a window. n: distinct rows.  samples: of each clean column, and of SCORE.

    unreadable: rows that this recipe refuses, because another version with other columns answered them.
    """

    n: int
    samples: dict[str, Sample]
    unreadable: int


def collect_live(batches: Iterable[Sequence[Prediction]], recipe: Recipe, release: str) -> LiveRows:
    """Count the clean values of predictions, holding 8 bytes a number; scores are of this release alone."""
    cleaner = RowCleaner(recipe)
    columns = [_Column(column) for column in recipe.features]
    scores = array("d")
    n = unreadable = 0
    for prediction in first_of_each_row(prediction for batch in batches for prediction in batch):
        if prediction.release == release:
            scores.append(drift_score(prediction, recipe.target))
        try:
            values = cleaner.clean(prediction.row)
        except RowsRefused:
            unreadable += 1
            continue
        n += 1
        for column, value in zip(columns, values, strict=True):
            column.add(value)
    samples = {column.name: column.sample() for column in columns}
    samples[SCORE] = NumberSample.of(np.frombuffer(scores, dtype=np.float64))
    return LiveRows(n, samples, unreadable)


def drift_score(prediction: Prediction, target: TargetRecipe) -> float:
    """The one number of a prediction whose drift is watched: the probability of the last class (for two
    classes, the positive one), or the predicted number."""
    return _scores(prediction, target)[-1]


def first_of_each_row(predictions: Iterable[Prediction]) -> Iterator[Prediction]:
    """The first prediction of each row id; predictions without one are rows of their own."""
    seen: set[str] = set()
    for prediction in predictions:
        if prediction.row_id is not None:
            if prediction.row_id in seen:
                continue
            seen.add(prediction.row_id)
        yield prediction


@dataclass(frozen=True, slots=True)
class LabelledRows:
    """Predicted rows whose outcome has arrived, in time order, one a row id.

    at: shape (n,), microseconds since the epoch.  y: shape (n,), class index or number; NaN where an outcome
    is no label of the target.  scores: shape (n, k), probabilities in the order of the classes, or (n, 1).
    releases: which answered.  rows: raw, as the client gave them.  outcomes: as they were given.
    """

    at: NDArray[np.int64]
    y: NDArray[np.float64]
    scores: NDArray[np.float64]
    releases: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]
    outcomes: tuple[str | float, ...]

    def __len__(self) -> int:
        return len(self.y)

    def take(self, positions: Iterable[int] | NDArray[Any]) -> LabelledRows:
        """The rows at these positions, or where a boolean mask is true."""
        index = np.asarray(list(positions))
        index = np.flatnonzero(index) if index.dtype == bool else index.astype(np.int64)
        return LabelledRows(
            self.at[index],
            self.y[index],
            self.scores[index],
            tuple(self.releases[i] for i in index),
            tuple(self.rows[i] for i in index),
            tuple(self.outcomes[i] for i in index),
        )

    def of_release(self, release: str) -> LabelledRows:
        """The rows that this release answered."""
        return self.take([i for i, name in enumerate(self.releases) if name == release])

    def known(self) -> LabelledRows:
        """The rows whose outcome is a label of the target."""
        return self.take(~np.isnan(self.y))

    def by_class(self, classes: Sequence[str]) -> dict[str, int]:
        """Rows of each class; empty for regression."""
        return {label: int(np.sum(self.y == index)) for index, label in enumerate(classes)}


def collect_labelled(pairs: Iterable[tuple[Prediction, str | float]], target: TargetRecipe) -> LabelledRows:
    """Gather labelled predictions, as journal.queries.labelled yields them."""
    given = dict(_first_pairs(pairs))
    predictions = [prediction for prediction, _ in given.values()]
    outcomes = tuple(outcome for _, outcome in given.values())
    width = len(target.classes) if target.classes else 1
    scores = np.array([_scores(prediction, target) for prediction in predictions], dtype=np.float64)
    return LabelledRows(
        at=np.array([to_micros(prediction.at) for prediction in predictions], dtype=np.int64),
        y=_outcome_values(outcomes, target),
        scores=scores.reshape(len(predictions), width),
        releases=tuple(prediction.release for prediction in predictions),
        rows=tuple(prediction.row for prediction in predictions),
        outcomes=outcomes,
    )


def raw_table(labelled: LabelledRows, recipe: Recipe) -> pl.DataFrame:
    """The rows as a table of text, as a CSV file would hold them, with the outcomes as the target column.

    Columns are those of any row, in the order they first occur; missing keys and nulls are null. Numbers are
    written as the recipe read them in the column, with its decimal mark.
    """
    import polars as pl

    target = recipe.target
    outcomes = [_written(outcome, target.number_format) for outcome in labelled.outcomes]
    return text_table(labelled.rows, recipe).with_columns(pl.Series(target.name, outcomes, dtype=pl.String))


def text_table(rows: Sequence[Mapping[str, object]], recipe: Recipe) -> pl.DataFrame:
    """Rows that the service got as a table of text, without the target. Columns and numbers as in raw_table."""
    import polars as pl

    formats = {column.name: column.number_format for column in recipe.columns}
    names = dict.fromkeys(name for row in rows for name in row if name != recipe.target.name)
    columns = {name: [_written(row.get(name), formats.get(name)) for row in rows] for name in names}
    return pl.DataFrame({name: pl.Series(texts, dtype=pl.String) for name, texts in columns.items()})


def _written(value: object, number_format: NumberFormat | None) -> str | None:
    if isinstance(value, float) and cell_text(value) is None and not math.isnan(value):
        text = repr(value)
        return text.replace(".", ",") if number_format and number_format.decimal == "," else text
    return cell_text(value)


class _Column:
    """The clean values of one column as they come in: numbers in an array, levels counted."""

    def __init__(self, column: ColumnRecipe) -> None:
        self.name = column.name
        self._column = column
        self._numbers = array("d")
        self._levels: Counter[CleanValue] = Counter()
        self._of_levels = column.kind in LEVEL_KINDS

    def add(self, value: CleanValue) -> None:
        if self._of_levels:
            self._levels[value] += 1
        elif value is None:
            self._numbers.append(float("nan"))
        else:
            self._numbers.append(float(len(value) if isinstance(value, str) else value))

    def sample(self) -> Sample:
        if not self._of_levels:
            return NumberSample.of(np.frombuffer(self._numbers, dtype=np.float64))
        nulls = self._levels.pop(None, 0)
        counts = {level_name(level): count for level, count in self._levels.items()}
        return LevelSample(sum(counts.values()), nulls, counts)


def _first_pairs(
    pairs: Iterable[tuple[Prediction, str | float]],
) -> Iterator[tuple[str, tuple[Prediction, str | float]]]:
    seen: set[str] = set()
    for prediction, outcome in pairs:
        row = prediction.row_id
        if row is None or row not in seen:
            if row is not None:
                seen.add(row)
            yield prediction.id, (prediction, outcome)


def _scores(prediction: Prediction, target: TargetRecipe) -> list[float]:
    if not target.classes:
        return [float(prediction.prediction)]
    if prediction.probabilities:
        return [prediction.probabilities[label] for label in target.classes]
    p = prediction.probability or 0.0
    return [1.0 - p, p]


def _outcome_values(outcomes: Sequence[str | float], target: TargetRecipe) -> NDArray[np.float64]:
    """Class index or number of each outcome; NaN for one that the target does not know."""
    import polars as pl

    from tenure.prepare.columns import target_values

    texts = [_written(outcome, target.number_format) for outcome in outcomes]
    series = pl.Series(target.name, texts, dtype=pl.String)
    return np.asarray(target_values(target, series), dtype=np.float64)


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
