"""Score a table batch by batch: neither the rows nor the answers are held whole."""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from tenure.config import ProjectConfig, source_like
from tenure.durable import TEMPORARY, flush_folder
from tenure.errors import ProjectError, TenureError
from tenure.journal.batches import BatchWriter
from tenure.journal.entries import row_key
from tenure.journal.identifiers import new_ids_and_times
from tenure.journal.redaction import Redaction
from tenure.journal.rows import new_rows
from tenure.journal.tables import Journal, open_journal
from tenure.prepare.ahead import Behind
from tenure.prepare.columns import read
from tenure.prepare.schema.breach import Breach, refuse_errors
from tenure.prepare.sources import batches, check_source, open_source, scan
from tenure.prepare.sql.rule_watch import RuleWatch
from tenure.project.folder import Folder
from tenure.project.promoting import find_release, note
from tenure.project.serving import redaction_of
from tenure.project.shape import ask_of_columns, ask_of_table
from tenure.records import CellProblem
from tenure.release.scorer import Scorer

if TYPE_CHECKING:
    import polars as pl

    from tenure.config.schema import Severity
    from tenure.prepare.schema.shape import ShapeChange
    from tenure.release.scorer import TableScores

log = logging.getLogger(__name__)

_encoder = msgspec.json.Encoder(enc_hook=str)
# Rows from which columns that have no known name are learned.
_ROWS_LOOKED_AT = 20_000


def predict(
    folder: Folder,
    config: ProjectConfig,
    model: str,
    source: str,
    output: str,
    explain: int,
    given: Mapping[str, str | None],
) -> dict[str, Any]:
    """Write one row of predictions per row of the source, in its order.

    source: a table on this machine or elsewhere, written as the project's own but for what is given: delimiter,
    encoding, query, table.  model: champion, challenger or a version.  output: a path ending in .csv or .parquet.
    Cells that break the recipe are scored as missing and named in OUTPUT.problems.csv. Every answer is in
    the journal before the output is there.
    Raises SourceError for the table, TenureError for the output; an output that was there stays
    as it was until the new one is complete.
    """
    target = check_output(output)
    holder = find_release(folder, config, model)
    scorer = Scorer.load(holder.release)
    redaction = redaction_of(config)
    if redaction is not None:
        redaction.check(scorer.needed_names, str(folder.config_file))
    table = open_source(source_like(config.data, source, given), Path.cwd(), folder.collected)
    if target in {path.resolve() for path in table.paths}:
        raise TenureError(
            "the output would replace the source", where=str(target), todo="name another output"
        )
    facts = check_source(table, min_rows=1)
    for warning in facts.warnings:
        log.warning("warning: %s", warning)
    raw = scan(table, has_blank_lines=facts.has_blank_lines)
    shape, breaches = ask_first(scorer, table.name, facts.columns, raw, lambda: batches(table, facts))
    taken = {
        "prediction",
        "low",
        "high",
        "set",
        "probability",
        *(f"probability_{name}" for name in scorer.classes),
    }
    if scorer.recipe.id in taken:
        raise TenureError(
            f"the id column {scorer.recipe.id!r} has the name of a column of the output",
            where=str(folder.config_file),
            todo="rename it in the table and in data.id",
        )
    mark = f"{TEMPORARY}{secrets.token_hex(4)}-"
    temporary = target.with_name(mark + target.name)
    problems_file = target.with_name(target.name + ".problems.csv")
    named = target.with_name(mark + problems_file.name)
    try:
        with closing(open_journal(folder.journal)) as db:
            answers = _Answers(
                scorer, config.name, holder.version, explain, named, db, set(facts.columns), redaction
            )
            with answers.behind:
                _write(answers, batches(table, facts), temporary, target.suffix)
            answers.journal.flush()
        if answers.n_problems:
            named.replace(problems_file)
        else:
            problems_file.unlink(missing_ok=True)
        temporary.replace(target)
        flush_folder(target.parent)
    finally:
        temporary.unlink(missing_ok=True)
        named.unlink(missing_ok=True)
    if answers.n_problems:
        log.warning(
            "warning: %d problem(s): cells scored as missing, or rows that break a rule; each is named in %s",
            answers.n_problems,
            problems_file,
        )
    breaches += answers.check.breaches()
    groups = [f"column {p.column!r}: {p.rule}: {p.value}, {n} row(s)" for p, n in answers.ungrouped.items()]
    for finding in (*shape, *breaches, *answers.rules.warnings("scored"), *groups):
        log.warning("warning: %s", finding)
    document = {
        "output": str(target),
        "rows": answers.n_rows,
        "problems": answers.n_problems,
        "problems_file": str(problems_file) if answers.n_problems else None,
        "model": {"name": config.name, "version": holder.version, "release": scorer.manifest.release},
        "source_sha256": facts.sha256,
        "shape": [change.to_dict() for change in shape],
        "schema": [breach.to_dict() for breach in breaches],
        "rules": [
            {"rule": broken.rule.test.sql, "rows": broken.n, "examples": broken.examples}
            for broken in answers.rules.broken()
        ],
        "groups": [
            {"column": problem.column, "rule": problem.rule, "value": problem.value, "rows": n}
            for problem, n in answers.ungrouped.items()
        ],
    }
    note(folder, "batch", document)
    return document


def ask_first(
    scorer: Scorer,
    name: str,
    columns: Sequence[str],
    raw: pl.LazyFrame,
    pieces: Callable[[], Iterable[pl.DataFrame]],
    only: Sequence[Severity] = ("error",),
) -> tuple[list[ShapeChange], list[Breach]]:
    """Refuse a table that breaks the schema by an error, before a row is answered; returns what else was found.

    name: of the table, for messages.  raw, pieces: its rows, whole and piece by piece.  only: the severities of the
    rules that its cells are asked about now. Raises SourceError or ColumnsMissing.
    """
    shape = ask_of_columns(scorer.schema, columns, raw.head(_ROWS_LOOKED_AT), name)
    breaches = ask_of_table(scorer.schema, columns, raw)
    check = scorer.new_check(only=only)
    if not check.asks_nothing:
        for piece in pieces():
            complete = scorer.complete(piece)
            check.add(read(scorer.recipe, complete.lazy()).collect(), complete)
    breaches += check.breaches()
    refuse_errors(breaches, name, "mend the named cells, or leave those rows out")
    return shape, breaches


def check_output(output: str) -> Path:
    """The path of an output that can be written. Raises TenureError for its ending, ProjectError for its folder."""
    target = Path(output).resolve()
    if target.suffix not in (".csv", ".parquet"):
        raise TenureError(
            f"the output ends in {target.suffix or 'nothing'!r}; .csv or .parquet is expected",
            where=str(target),
            todo="name the output .csv or .parquet",
        )
    if target.is_dir():
        raise TenureError("the output is a folder", where=str(target), todo="name a file")
    if not target.parent.is_dir():
        raise ProjectError("the output's folder is not there", where=str(target.parent), todo="make it first")
    return target


class _Batch(NamedTuple):
    """Rows with their scores. seconds: that one row took."""

    raw: pl.DataFrame
    scored: TableScores
    seconds: float


class _Answers:
    """Scores batch after batch, journals what it answers, and keeps the count and the problems."""

    def __init__(
        self,
        scorer: Scorer,
        name: str,
        version: str,
        explain: int,
        problems_file: Path,
        db: Journal,
        columns: Collection[str],
        redaction: Redaction | None,
    ) -> None:
        self.scorer = scorer
        self.redaction = redaction
        self.name = name
        self.version = version
        self.id_column = scorer.recipe.id if scorer.recipe.id in columns else None
        self.explain = explain
        self.problems_file = problems_file
        self.journal = BatchWriter(db)
        self.n_rows = 0
        self.n_problems = 0
        self.ungrouped: Counter[CellProblem] = Counter()
        self.behind = Behind(self.keep)
        self.check = scorer.new_check(only=["warning"])
        recipe = scorer.recipe
        # the other rules are named row by row, as problems
        self.rules = RuleWatch(replace(recipe, rules=tuple(r for r in recipe.rules if r.then == "warn")))

    def score(self, raw: pl.DataFrame) -> pl.DataFrame:
        """The answers for one batch; they are on their way to the journal, and there when `behind` is left."""
        import polars as pl

        started = time.perf_counter()
        scored = self.scorer.score_table(raw, self._look)
        columns: dict[str, Any] = {}
        if self.id_column:
            columns[self.id_column] = raw[self.id_column]
        else:
            columns["row"] = pl.Series(range(self.n_rows, self.n_rows + len(raw)), dtype=pl.Int64)
        columns["prediction"] = pl.Series(scored.predictions)
        if scored.probabilities is not None and self.scorer.task == "binary":
            columns["probability"] = scored.probabilities[:, 1]
        elif scored.probabilities is not None:
            for number, name in enumerate(self.scorer.classes):
                columns[f"probability_{name}"] = scored.probabilities[:, number]
            if self.scorer.calibration.set_cut is not None:
                columns["set"] = self._sets(scored.probabilities)
        if scored.values is not None and self.scorer.calibration.half_width is not None:
            columns["low"], columns["high"] = self.scorer.calibration.bounds(scored.values)
        if self.explain:
            columns |= self._reasons(raw)
        self._note(scored.problems)
        self.ungrouped.update(scored.ungrouped)
        self.behind.put(_Batch(raw, scored, (time.perf_counter() - started) / max(len(raw), 1)))
        self.n_rows += len(raw)
        return pl.DataFrame(columns)

    def _sets(self, probabilities: Any) -> list[str]:
        """Each row's prediction set as a JSON list of labels: labels may hold any separator."""
        names = self.scorer.classes
        inside = self.scorer.calibration.sets(probabilities).tolist()
        return [
            json.dumps([name for name, is_in in zip(names, row, strict=True) if is_in], ensure_ascii=False)
            for row in inside
        ]

    def _look(self, typed: pl.DataFrame) -> None:
        self.check.add(typed)
        self.rules.count(typed, self.n_rows)

    def _reasons(self, raw: pl.DataFrame) -> dict[str, Any]:
        import polars as pl

        explained = self.scorer.explain_table(raw, self.explain)
        columns: dict[str, Any] = {}
        for place in range(self.explain):
            effects = [e.effects[place] if place < len(e.effects) else None for e in explained]
            columns[f"reason_{place + 1}"] = pl.Series([e and e.text for e in effects], dtype=pl.String)
            columns[f"effect_{place + 1}"] = pl.Series([e and e.effect for e in effects], dtype=pl.Float64)
        return columns

    def _note(self, problems: Any) -> None:
        import polars as pl

        if not problems:
            return
        table = pl.DataFrame(
            [(p.row + self.n_rows, p.column, p.rule, p.value) for p in problems],
            schema={"row": pl.Int64, "column": pl.String, "rule": pl.String, "value": pl.String},
            orient="row",
        )
        with self.problems_file.open("ab") as file:
            table.write_csv(file, include_header=self.n_problems == 0)
        self.n_problems += len(problems)

    def keep(self, batch: _Batch) -> None:
        """Keep every row with its answer, as the service does: outcomes, drift and replay go by the journal."""
        raw, scored, seconds = batch
        scorer, n_rows = self.scorer, len(raw)
        binary = scorer.task == "binary"
        by_class = None
        if scored.probabilities is not None and not binary:
            told = scored.probabilities.tolist()
            by_class = _lines(dict(zip(scorer.classes, p, strict=True)) for p in told)
        ids, times = new_ids_and_times(n_rows)
        columns = {
            "id": ids,
            "row_id": list(map(row_key, raw[self.id_column].to_list())) if self.id_column else None,
            "at": times,
            "model": self.name,
            "version": self.version,
            "release": scorer.manifest.release,
            "input": rows_as_json(raw, self.redaction),
            "prediction": scored.predictions,
            "probability": _told(scored, binary),
            "margins": _lines(scored.margins.tolist()),
            "probabilities": by_class,
            "seconds": seconds,
        }
        self.journal.add(new_rows(columns))


def rows_as_json(raw: pl.DataFrame, redaction: Redaction | None) -> pl.Series:
    """Each row as the JSON object that the journal keeps.

    >>> import polars as pl
    >>> table = pl.DataFrame({"plan": ["basic"], "phone": ["555"]})
    >>> rows_as_json(table, Redaction(leave_out=frozenset({"phone"}))).to_list()
    ['{"plan":"basic"}']
    """
    import polars as pl

    if redaction is None and set(raw.dtypes) == {pl.String}:
        # what the lines below write, several times as fast
        return raw.select(pl.struct(pl.all()).struct.json_encode()).to_series()
    rows = raw.iter_rows(named=True)
    return pl.Series(_lines(row if redaction is None else redaction.of(row) for row in rows), dtype=pl.String)


def _lines(values: Iterable[Any]) -> list[str]:
    """Each value as JSON."""
    return _encoder.encode_lines(values).decode().split("\n")[:-1]


def _told(scored: TableScores, binary: bool) -> npt.NDArray[np.float64] | None:
    """The one probability of each row: of the positive class, or of the predicted one."""
    if scored.probabilities is None:
        return None
    return scored.probabilities[:, 1] if binary else scored.probabilities.max(axis=1)


def _write(answers: _Answers, table: Iterator[pl.DataFrame], path: Path, suffix: str) -> None:
    from polars.io.plugins import register_io_source

    first = answers.score(next(table))

    def scored(*_: object) -> Iterator[pl.DataFrame]:
        yield first
        yield from map(answers.score, table)

    answer = register_io_source(scored, schema=first.schema)
    if suffix == ".csv":
        answer.sink_csv(path, maintain_order=True)
    else:
        answer.sink_parquet(path, maintain_order=True)
