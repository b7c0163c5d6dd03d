"""What each raw column of a row did to its score, by a release's model and calibration."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tenure.prepare.recipe import Recipe
from tenure.records import Explanation
from tenure.release.calibration import Calibration
from tenure.release.effects import Cell, explain, score_effects, sum_by_column
from tenure.release.encoding import Encoding, encode_table
from tenure.release.predictor import Predictor

if TYPE_CHECKING:
    import polars as pl

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]


class Explainer:
    """Shapley values in the words of the raw columns; effects are on the score that a user sees."""

    def __init__(
        self, recipe: Recipe, encoding: Encoding, predictor: Predictor, calibration: Calibration
    ) -> None:
        self._recipe = recipe
        self._encoding = encoding
        self._predictor = predictor
        self._calibration = calibration
        self._names = tuple(column.name for column in recipe.features)
        places = {name: place for place, name in enumerate(self._names)}
        self._columns = tuple(places[feature.column] for feature in encoding.features)

    def explain_row(
        self, x: Float32, margins: Sequence[float], given: Sequence[object], missing: Sequence[bool], n: int
    ) -> Explanation:
        """Explain an encoded row by its n largest effects.

        margins: its own.  given: a raw value for each feature column.  missing: whether it counts as missing.
        """
        contributions = self._predictor.contributions_row(x)[None]
        return self._explain(contributions, np.array([margins]), [given], [missing], n)[0]

    def explain_table(
        self, X: Float32, given: Sequence[Sequence[object]], missing: Sequence[Sequence[bool]], n: int
    ) -> list[Explanation]:
        """Explain encoded rows. given, missing: of each row, as for explain_row."""
        contributions, margins = self._predictor.contributions(X), self._predictor.margins(X)
        return self._explain(contributions, margins, given, missing, n)

    def effects(self, clean: pl.DataFrame) -> Float64:
        """Effects on the score, shape (n_rows, n_raw_columns), of a clean table: for global importance.

        Of several classes it is the predicted one's.
        """
        return self._effects(clean, [None])[0]

    def effects_by_class(self, clean: pl.DataFrame, classes: Sequence[npt.NDArray[np.intp]]) -> list[Float64]:
        """As effects, for several classes' probabilities in turn. classes: each the index of one for each row.

        For two classes and for numbers there is one score, whatever is asked for.
        """
        return self._effects(clean, classes if self._recipe.target.task == "multiclass" else [None])

    def _effects(self, clean: pl.DataFrame, asked: Sequence[npt.NDArray[np.intp] | None]) -> list[Float64]:
        X = encode_table(self._encoding, clean)
        contributions, margins = self._predictor.contributions(X), self._predictor.margins(X)
        found = [score_effects(self._calibration, contributions, margins, chosen) for chosen in asked]
        return [sum_by_column(one.effects, self._columns, len(self._names)) for one in found]

    def _predicted(self, margins: Float64) -> npt.NDArray[np.intp] | None:
        if self._recipe.target.task != "multiclass":
            return None
        chosen: npt.NDArray[np.intp] = self._calibration.probabilities(margins).argmax(axis=1)
        return chosen

    def _explain(
        self,
        contributions: Float64,
        margins: Float64,
        given: Sequence[Sequence[object]],
        missing: Sequence[Sequence[bool]],
        n: int,
    ) -> list[Explanation]:
        predicted = self._predicted(margins)
        found = score_effects(self._calibration, contributions, margins, predicted)
        effects = sum_by_column(found.effects, self._columns, len(self._names)).tolist()
        target = self._recipe.target
        result = []
        for i, (base, score) in enumerate(zip(found.base.tolist(), found.scores.tolist(), strict=True)):
            outcome = target.positive if predicted is None else target.classes[int(predicted[i])]
            cell = partial(self._cell, given[i], missing[i])
            result.append(explain(base, score, effects[i], cell, n=n, outcome=outcome))
        return result

    def _cell(self, given: Sequence[object], missing: Sequence[bool], place: int) -> Cell:
        return Cell(self._names[place], given[place], missing[place], self._recipe.features[place].labels)
