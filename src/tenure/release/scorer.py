"""A loaded release: scores and explains raw rows and raw tables, with the same bits for both."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tenure.config.schema import Severity, TableSchema
from tenure.errors import ReleaseError, RowsRefused
from tenure.prepare.recipe import OTHER, Recipe
from tenure.prepare.rows import CleanValue, RowCleaner
from tenure.prepare.schema.infer import schema_of_recipe
from tenure.prepare.schema.row import RowGuard
from tenure.prepare.schema.terms import terms_of
from tenure.prepare.sql.row_recipe import told_value
from tenure.records import CellProblem, Explanation, Score
from tenure.release.calibration import Calibration
from tenure.release.decide import Thresholds
from tenure.release.encoding import Encoding, encode_table, row_encoder
from tenure.release.encoding_table import ListColumn, TableEncoder
from tenure.release.explainer import Explainer
from tenure.release.files import LINEAR, MODEL_FILES, TREES, Manifest, read_release
from tenure.release.joint import load_predictor
from tenure.release.predictor import Predictor
from tenure.release.schema import read_release_schema

if TYPE_CHECKING:
    import polars as pl

    from tenure.prepare.columns import TableReader
    from tenure.prepare.schema.table import TableCheck

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

MOST_PROBLEMS = 100_000
# From so many rows on, a list is scored sooner by columns than row by row: some 0.3 ms are spent on any list.
_LONG_LIST = 24


class Scored(NamedTuple):
    """The score of one row of a list. gaps: its clean values if one is missing or an unseen level, else None.

    explanation: None unless it was asked for.
    """

    score: Score
    gaps: Sequence[CleanValue] | None
    explanation: Explanation | None = None


@dataclass(frozen=True, slots=True)
class TableScores:
    """The answers for a table, in its row order.

    predictions: labels as written in the data, or numbers.  probabilities: shape (n_rows, n_classes)
    in the order of the classes; None for regression.  values: shape (n_rows,), the numbers of a
    regression, else None.  margins: shape (n_rows, n_outputs).
    problems: cells that broke the recipe and were scored as missing (the first 100,000).
    ungrouped: where thresholds differ by group, why the common one decided, and for how many rows.
    """

    predictions: list[str] | list[float]
    probabilities: Float64 | None
    values: Float64 | None
    margins: Float64
    problems: list[CellProblem]
    ungrouped: Mapping[CellProblem, int] = field(default_factory=dict)


class Scorer:
    """Recipe, encoding, model and calibration in one: raw values in, scores and explanations out.

    May be shared between threads: calls change nothing but what is remembered of cells.
    """

    def __init__(
        self,
        recipe: Recipe,
        encoding: Encoding,
        predictor: Predictor,
        calibration: Calibration,
        *,
        manifest: Manifest | None = None,
        golden: Sequence[Mapping[str, Any]] = (),
        schema: TableSchema | None = None,
    ) -> None:
        self._manifest = manifest
        self.recipe = recipe
        self.encoding = encoding
        self.predictor = predictor
        self.calibration = calibration
        self.golden = tuple(golden)
        self.task = recipe.target.task
        self.classes: tuple[str, ...] = recipe.target.classes
        self.positive: str | None = recipe.target.positive
        self.threshold = calibration.threshold
        self.feature_names: tuple[str, ...] = tuple(column.name for column in recipe.features)
        # what a row's warnings name: a column, or the columns of a rule that only warns
        self.warned_names = frozenset(self.feature_names) | {
            ", ".join(rule.test.columns) for rule in recipe.rules if rule.then == "warn"
        }
        self._raw_names = {column.name: column.kind for column in recipe.inputs}
        self._check_fit()
        self._cleaner = RowCleaner(recipe)
        self._clean = self._cleaner.clean_and_doubt
        self.schema = schema or schema_of_recipe(recipe)
        self._by_group = calibration.by_group
        if self._by_group is not None:
            self.warned_names |= {self._by_group.named}
        # columns that a row's decision asks for, and no feature is made of
        self.beside: tuple[str, ...] = () if self._by_group is None else self._by_group.beside
        self._guard = RowGuard(recipe, self.schema, self.beside)
        # clean values for which a row is looked at by itself
        self._marks = [suspects | {None, OTHER} for suspects in self._guard.suspects]
        self.explainer = Explainer(recipe, encoding, predictor, calibration)
        self._encode = row_encoder(encoding, self.feature_names)
        self._encode_columns = TableEncoder(encoding)
        self._margin_row = predictor.margin_row
        self._reader: TableReader | None = None

    @classmethod
    def load(cls, folder: Path) -> Scorer:
        """Load and verify a release folder. Raises ReleaseError, naming the file that is wrong."""
        manifest, files = read_release(folder)
        current = "recipe.json"
        try:
            recipe = Recipe.from_json(files[current].decode())
            current = "encoding.json"
            encoding = Encoding.from_json(json.loads(files[current]))
            current = "calibration.json"
            calibration = Calibration.from_json(json.loads(files[current]))
            current = "golden.json"
            golden = json.loads(files[current])["rows"]
            current = "schema.json"
            schema = read_release_schema(json.loads(files[current]), recipe)
            current = TREES if TREES in files else LINEAR
            predictor = load_predictor({name: files[name] for name in MODEL_FILES & files.keys()})
        except ReleaseError as error:
            name = error.where if error.where in files else current
            raise ReleaseError(error.what, where=str(folder / name), todo=error.todo) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ReleaseError(
                f"{current} cannot be read: {error}", where=str(folder / current), todo="train again"
            ) from error
        return cls(recipe, encoding, predictor, calibration, manifest=manifest, golden=golden, schema=schema)

    @property
    def needed_names(self) -> frozenset[str]:
        """Raw columns that a row is scored by, decided by, or named by."""
        return frozenset([*self._raw_names, *self.beside, *([self.recipe.id] if self.recipe.id else [])])

    @property
    def manifest(self) -> Manifest:
        """The release's manifest. Raises ReleaseError for a model that was never released."""
        if self._manifest is None:
            raise ReleaseError("this model was not released", todo="write it with write_release")
        return self._manifest

    def score_row(self, row: Mapping[str, object]) -> Score:
        """Score one raw row. Raises RowsRefused that names every cell which the recipe or the schema refuses."""
        values, warnings = self._judge(row)
        margins = self._margin_row(self._encode(values))
        probabilities = self.calibration.probabilities_row(margins)
        return self._score_values(row, values, warnings, margins, probabilities).score

    def score_rows(self, rows: Sequence[Mapping[str, object]]) -> list[Scored | RowsRefused]:
        """Score raw rows; each gets the bits and the warnings of score_row, or its refusal, which is not raised.

        A long list goes by columns: cleaned, encoded and given to the model at once. Only rows that may break a rule
        are looked at one by one.
        """
        if len(rows) < _LONG_LIST:
            return [self._score_alone(row) for row in rows]
        columns, odd = self._cleaner.clean_columns(rows)
        marked = self._marked_rows(columns, len(rows))
        named = {name: ListColumn(values) for name, values in zip(self.feature_names, columns, strict=True)}
        margins = self.predictor.margins(self._encode_columns(named, len(rows)))
        probabilities = self.calibration.probabilities(margins).tolist()
        found: list[Scored | RowsRefused] = []
        for place, (m, p) in enumerate(zip(map(tuple, margins.tolist()), probabilities, strict=True)):
            if place in odd:
                found.append(self._score_alone(rows[place]))
            elif place in marked:
                values = tuple([column[place] for column in columns])
                found.append(self._score_marked(rows[place], values, m, p))
            else:
                found.append(Scored(self._score(m, p, (), self.threshold), None))
        return found

    def score_anyway(self, row: Mapping[str, object]) -> tuple[Score, list[str]]:
        """Score one raw row as score_table does: bad cells count as missing. Returns also their columns."""
        values, bad = self._cleaner.clean_anyway(row)
        margins = self._margin_row(self._encode(values))
        probabilities = self.calibration.probabilities_row(margins)
        return self._score(margins, probabilities, (), self._threshold_row(row, values)), bad

    def problems(self, row: Mapping[str, object], position: int = 0) -> list[CellProblem]:
        """The cells of a raw row that break the recipe; [] for a good row."""
        return self._cleaner.problems(row, position)

    def explain_row(self, row: Mapping[str, object], n: int) -> Explanation:
        """Explain one raw row by its n largest effects. Raises RowsRefused as score_row does."""
        values, _ = self._judge(row)
        x = self._encode(values)
        return self._explain_values(row, values, x, self._margin_row(x), n)

    def score_explained(self, row: Mapping[str, object], n: int) -> Scored | RowsRefused:
        """One raw row with the score of score_rows and the n effects of explain_row, for the work of one."""
        try:
            values, warnings = self._judge(row)
        except RowsRefused as refused:
            return refused
        x = self._encode(values)
        margins = self._margin_row(x)
        scored = self._score_values(
            row, values, warnings, margins, self.calibration.probabilities_row(margins)
        )
        return scored._replace(explanation=self._explain_values(row, values, x, margins, n))

    def _explain_values(
        self,
        row: Mapping[str, object],
        values: Sequence[CleanValue],
        x: Float32,
        margins: tuple[float, ...],
        n: int,
    ) -> Explanation:
        columns = zip(self.recipe.features, values, strict=True)
        given = [row.get(c.name) if c.name in self._raw_names else told_value(v, c.kind) for c, v in columns]
        missing = [value is None for value in values]
        return self.explainer.explain_row(x, margins, given, missing, n)

    def clean_row(self, row: Mapping[str, object]) -> dict[str, CleanValue]:
        """What the model reads of a raw row: feature -> clean value. Raises RowsRefused as score_row does."""
        return dict(zip(self.feature_names, self._judge(row)[0], strict=True))

    def new_check(self, *, only: Sequence[Severity] = ("error", "warning")) -> TableCheck:
        """What counts a table's cells that break the schema at prediction."""
        from tenure.prepare.schema.table import TableCheck

        return TableCheck(terms_of(self.schema, self.recipe, "predict"), only)

    def score_table(
        self, raw: pl.DataFrame, look: Callable[[pl.DataFrame], None] | None = None
    ) -> TableScores:
        """Score a raw table, with the bits of score_row; cells that break the recipe count as missing.

        look: is shown the rows as they are read, to count what of them is to be warned of.
        Raises ColumnsMissing when feature columns are absent that the schema asks for, SourceError for nested ones.
        """
        raw = self.complete(raw)
        reader = self._reader_of(raw.schema)
        typed = reader.read(raw)
        clean = reader.settle(typed)
        if look is not None:
            look(typed)
        scores = self.score_clean(clean, self._table_problems(raw, typed), beside=raw)
        if self._by_group is None:
            return scores
        return replace(scores, ungrouped=self._by_group.doubts_of_table(clean, raw))

    def score_clean(
        self, clean: pl.DataFrame, problems: Sequence[CellProblem] = (), beside: pl.DataFrame | None = None
    ) -> TableScores:
        """Score a table that the recipe has cleaned. beside: the same rows with the columns named in `beside`."""
        margins = self.predictor.margins(encode_table(self.encoding, clean))
        if self.task == "regression":
            values = margins[:, 0].copy()
            return TableScores(values.tolist(), None, values, margins, list(problems))
        probabilities = self.calibration.probabilities(margins)
        chosen = self._choose_table(probabilities, self.calibration.thresholds(clean, beside))
        labels = [self.classes[index] for index in chosen.tolist()]
        return TableScores(labels, probabilities, None, margins, list(problems))

    def complete(self, raw: pl.DataFrame) -> pl.DataFrame:
        """The table with empty columns for features that are absent, where the schema does not ask for them."""
        import polars as pl

        absent = [
            name
            for name in self._raw_names
            if name not in raw.columns and self.schema.severity_of("presence", "predict", name) != "error"
        ]
        return (
            raw.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in absent) if absent else raw
        )

    def explain_table(self, raw: pl.DataFrame, n: int) -> list[Explanation]:
        """Explain each row of a raw table by its n largest effects."""
        raw = self.complete(raw)
        clean = self.clean_table(raw)
        X = encode_table(self.encoding, clean)
        missing = [[value is None for value in row] for row in clean.select(self.feature_names).rows()]
        columns = [
            raw[c.name].to_list()
            if c.name in self._raw_names
            else [told_value(value, c.kind) for value in clean[c.name].to_list()]
            for c in self.recipe.features
        ]
        given = list(zip(*columns, strict=True))
        return self.explainer.explain_table(X, given, missing, n)

    def clean_table(self, raw: pl.DataFrame) -> pl.DataFrame:
        """The clean feature columns of a raw table."""
        reader = self._reader_of(raw.schema)
        return reader.settle(reader.read(raw))

    def _reader_of(self, schema: pl.Schema) -> TableReader:
        """What reads tables of a schema; that of the last one is kept, for the next batch of the same table."""
        from tenure.prepare.columns import TableReader

        reader = self._reader
        if reader is None or reader.schema != schema:
            self._reader = reader = TableReader(self.recipe, schema)
        return reader

    def check_golden(self) -> None:
        """Score the golden rows again. Raises ReleaseError unless every bit is as it was at release."""
        for position, entry in enumerate(self.golden):
            score = self.score_row(entry["row"])
            now = golden_entry(entry["row"], score)
            for name in ("margins", "probabilities", "prediction"):
                if now[name] != entry[name]:
                    raise ReleaseError(
                        f"golden row {position} gives the {name} {now[name]} here, "
                        f"and {entry[name]} where it was made",
                        where="golden.json",
                        todo="install the versions named in the manifest, or train again",
                    )

    def _table_problems(self, raw: pl.DataFrame, typed: pl.DataFrame) -> list[CellProblem]:
        """Bad cells became null in reading, so that only rows with a null, or that break a rule, are looked at."""
        import polars as pl

        from tenure.prepare.columns import find_problems
        from tenure.prepare.sql.column_recipe import find_broken

        marks = typed.select(pl.any_horizontal(pl.all().is_null())).to_series()
        for _, broken in find_broken(self.recipe, typed):
            marks |= broken
        suspects = marks.arg_true()
        if not len(suspects):
            return []
        rows = suspects.to_list()
        found = find_problems(self.recipe, raw[suspects], MOST_PROBLEMS, typed[suspects])
        return [replace(problem, row=rows[problem.row]) for problem in found]

    def _judge(self, row: Mapping[str, object]) -> tuple[tuple[CleanValue, ...], tuple[CellProblem, ...]]:
        """The clean values of a row, and what of it breaks a rule that is no error."""
        try:
            values, doubts = self._clean(row)
        except RowsRefused as refused:
            mended, warnings = self._guard.mend(row, refused.problems)
            values, doubts = self._clean(mended)
            named = {problem.column for problem in refused.problems}
            found = [p for p in self._guard.check(mended, values) if p.column not in named]
            return values, (*warnings, *found, *doubts)
        return values, (*self._guard.check(row, values), *doubts)

    def _marked_rows(self, columns: Sequence[Sequence[CleanValue]], n_rows: int) -> Collection[int]:
        """The rows whose score is not all that there is to say."""
        if self._by_group is not None or not self._guard.is_plain:
            return range(n_rows)
        return {
            place
            for values, marks in zip(columns, self._marks, strict=True)
            if not marks.isdisjoint(values)
            for place, value in enumerate(values)
            if value in marks
        }

    def _score_alone(self, row: Mapping[str, object]) -> Scored | RowsRefused:
        try:
            values, warnings = self._judge(row)
        except RowsRefused as refused:
            return refused
        margins = self._margin_row(self._encode(values))
        return self._score_values(row, values, warnings, margins, self.calibration.probabilities_row(margins))

    def _score_marked(
        self,
        row: Mapping[str, object],
        values: tuple[CleanValue, ...],
        margins: tuple[float, ...],
        probabilities: Sequence[float],
    ) -> Scored | RowsRefused:
        try:
            warnings = self._guard.check(row, values)
        except RowsRefused as refused:
            return refused
        return self._score_values(row, values, warnings, margins, probabilities)

    def _score_values(
        self,
        row: Mapping[str, object],
        values: tuple[CleanValue, ...],
        warnings: tuple[CellProblem, ...],
        margins: tuple[float, ...],
        probabilities: Sequence[float],
    ) -> Scored:
        if self._by_group is not None:
            warnings += self._by_group.doubts_of_row(self._value_in(values), row)
        score = self._score(margins, probabilities, warnings, self._threshold_row(row, values))
        return Scored(score, values if None in values or OTHER in values else None)

    def thresholds_of_rows(self, rows: Sequence[Mapping[str, object]]) -> Thresholds:
        """From which probability on each of these raw rows is decided for the positive class; bad cells are missing."""
        if self._by_group is None:
            return self.threshold
        return np.array([self._threshold_row(row, self._cleaner.clean_anyway(row)[0]) for row in rows])

    def _threshold_row(self, row: Mapping[str, object], values: Sequence[CleanValue]) -> float:
        if self._by_group is None:
            return self.threshold
        return self._by_group.of_row(self._value_in(values), row, self.threshold)

    def _value_in(self, values: Sequence[CleanValue]) -> Callable[[str], CleanValue]:
        """Feature -> its clean value in a row."""
        return lambda name: values[self.feature_names.index(name)]

    def _score(
        self,
        margins: tuple[float, ...],
        probabilities: Sequence[float],
        warnings: tuple[CellProblem, ...],
        threshold: float,
    ) -> Score:
        if self.task == "regression":
            return Score(margins[0], None, None, margins, warnings, self.calibration.bounds_row(margins[0]))
        by_class = dict(zip(self.classes, probabilities, strict=True))
        if self.task == "binary":
            told = probabilities[1]
            return Score(self.classes[told >= threshold], told, by_class, margins, warnings)
        told = max(probabilities)
        chosen = probabilities.index(told)  # the first of equals, as numpy's argmax
        inside = self.calibration.set_row(probabilities)
        labels = None if inside is None else tuple(self.classes[k] for k in inside)
        return Score(self.classes[chosen], told, by_class, margins, warnings, None, labels)

    def _choose_table(self, probabilities: Float64, thresholds: Thresholds) -> npt.NDArray[np.intp]:
        if self.task == "binary":
            return (probabilities[:, 1] >= thresholds).astype(np.intp)
        chosen: npt.NDArray[np.intp] = probabilities.argmax(axis=1)
        return chosen

    def _check_fit(self) -> None:
        """Refuse parts that belong to different models."""
        if self.predictor.n_features != len(self.encoding.features):
            raise ReleaseError(
                f"the model takes {self.predictor.n_features} features, the encoding gives "
                f"{len(self.encoding.features)}",
                todo="train again",
            )
        expected = (self.task, self.predictor.n_outputs)
        if (self.calibration.task, self.calibration.n_outputs) != expected:
            raise ReleaseError(
                f"the calibration is for {self.calibration.task} with {self.calibration.n_outputs} margins, "
                f"the model is for {self.task} with {self.predictor.n_outputs}",
                todo="train again",
            )
        if self.task != "regression" and len(self.classes) != self.calibration.n_classes:
            raise ReleaseError(
                f"the recipe names {len(self.classes)} classes, the calibration {self.calibration.n_classes}",
                todo="train again",
            )


def golden_entry(row: Mapping[str, object], score: Score) -> dict[str, Any]:
    """What golden.json keeps of a row: floats in JSON read back to the same bits."""
    return {
        "row": dict(row),
        "margins": list(score.margins),
        "probabilities": None if score.probabilities is None else list(score.probabilities.values()),
        "prediction": score.prediction,
    }
