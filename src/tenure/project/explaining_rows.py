"""One row explained: its score, what moved it, and what would have to change for another decision."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from tenure.config import ProjectConfig
from tenure.errors import TenureError
from tenure.prepare.columns import settle
from tenure.prepare.split import PART, TRAIN
from tenure.project.explaining import check_changes
from tenure.project.folder import Folder
from tenure.project.prepared import load_prepared
from tenure.project.promoting import find_release
from tenure.project.tracing import find_prediction_of, release_of
from tenure.project.versions import follow
from tenure.records import Explanation, Score
from tenure.release.changes import Limits, steps_of
from tenure.release.counterfactuals import MOST_CHANGES, Search, goal_of, search
from tenure.release.effects import Cell, value_text
from tenure.release.explanations import FILE
from tenure.release.files import read_release
from tenure.release.scorer import Scorer

if TYPE_CHECKING:
    from tenure.model.explain.second_opinion import Opinion


@dataclass(frozen=True, slots=True)
class Asked:
    """A row and the release that it is explained by. what: the row in words.  emptied: cells scored as missing."""

    what: str
    version: str
    release: Path
    row: Mapping[str, Any]
    emptied: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExplainedRow:
    """What `tenure explain` tells. search: None where nothing can change to what was asked; why_not says why."""

    asked: Asked
    scorer: Scorer
    score: Score
    explanation: Explanation
    limits: Limits
    search: Search | None
    notes: tuple[str, ...] = ()
    opinion: Opinion | None = None

    def to_dict(self) -> dict[str, Any]:
        """The document of --json."""
        found = self.search
        return {
            "row": dict(self.asked.row),
            "model": {"version": self.asked.version, "release": self.asked.release.name},
            "prediction": self.score.prediction,
            "probability": self.score.probability,
            "base": self.explanation.base,
            "score": self.explanation.score,
            "effects": [asdict(effect) for effect in self.explanation.effects],
            "rest": self.explanation.rest,
            "changes": None
            if found is None
            else {
                "goal": found.goal,
                "up_to": found.up_to,
                "found": [one.to_dict(self.asked.row) for one in found.found],
                "single_changes": found.tried,
                "scored": found.scored,
                "whole": found.whole,
                "can_change": asdict(self.limits),
            },
            "lime": None if self.opinion is None else self.opinion.to_dict(),
            "notes": list(self.notes),
        }

    def to_text(self) -> str:
        """For a person."""
        lines = [
            f"{self.asked.what}, by version {self.asked.version}",
            _said(self.scorer, self.score, self.asked.row),
            "",
            f"what moved it from {self.explanation.base:.4g}, the score of the average training row, "
            f"to {self.explanation.score:.4g}:",
            *(f"  {effect.effect:+.4g}  {effect.text}" for effect in self.explanation.effects),
            f"  {self.explanation.rest:+.4g}  all other columns together",
        ]
        if self.search is not None:
            lines += ["", *self._changes(self.search)]
        if self.opinion is not None:
            lines += ["", *_opinion_lines(self.opinion, len(self.explanation.effects))]
        lines += [f"note: {note}" for note in self.notes]
        return "\n".join(lines)

    def _changes(self, found: Search) -> list[str]:
        if not found.found:
            lines = [
                f"{found.goal}: none was found with up to {found.up_to} changes "
                f"({found.tried:,} single changes are allowed{', all tried' if found.whole else ''}; "
                f"{found.scored:,} rows scored)"
            ]
        else:
            n = len(found.found[0].steps)
            lines = [f"what would lead to {found.goal}, {n} change{'s' if n > 1 else ''}:"]
            for one in found.found:
                told = ", ".join(
                    f"{step.column} {_cell(self.asked.row.get(step.column))} -> {_cell(step.value)}"
                    for step in one.steps
                )
                lines.append(f"  {told}   ({_short(self.scorer, one.score)})")
            if n > 1:
                singles = (
                    "no single change suffices" if found.whole else "no single change that was tried suffices"
                )
                lines.append(f"  {singles}{'' if n == 2 else '; sets of two were searched, not all'}")
        kept = [
            f"{key.replace('_', ' ')}: {', '.join(names)}"
            for key, names in asdict(self.limits).items()
            if names
        ]
        return [*lines, f"  ({'; '.join(kept) or 'every column may change either way'})"]


def ask_journal(folder: Folder, identifier: str) -> Asked:
    """A recorded prediction's row, as its own release scored it. Raises JournalError, ReleaseError."""
    prediction = find_prediction_of(folder, identifier)
    place = release_of(folder, prediction)
    what = f"prediction {prediction.id}"
    if prediction.row_id is not None:
        what += f" of {prediction.row_id}"
    return Asked(what, prediction.version, place, prediction.row)


def ask_file(folder: Folder, config: ProjectConfig, path: str, which: str) -> Asked:
    """A row in a JSON file. Raises TenureError where it holds anything but one object."""
    try:
        row = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise TenureError(
            f"the row cannot be read: {error.strerror}", where=path, todo="name a JSON file"
        ) from None
    except ValueError as error:
        raise TenureError(
            f"the file holds no JSON: {error}", where=path, todo="write one object {...}"
        ) from None
    if not isinstance(row, dict):
        raise TenureError(
            f"one row is expected, an object {{column: value}}; got {type(row).__name__}",
            where=path,
            todo="write one object",
        )
    holder = find_release(folder, config, which)
    return Asked(f"the row in {path}", holder.version, holder.release, row)


def explain_row(
    config: ProjectConfig,
    asked: Asked,
    *,
    effects: int,
    to: str | None = None,
    most_changes: int = MOST_CHANGES,
) -> ExplainedRow:
    """Explain a row and search for changes. Raises RowsRefused for a row that the service would refuse."""
    scorer = Scorer.load(asked.release)
    asked, notes = _emptied(scorer, asked)
    score = scorer.score_row(asked.row)
    files = read_release(asked.release)[1]
    limits, told = _limits(config, scorer, files)
    found = None
    if to is not None or scorer.task != "regression":
        goal = goal_of(scorer, score, to)
        if limits is None:
            notes.append("changes were not searched: the release does not say what can change; train again")
        else:
            steps = steps_of(scorer, json.loads(files["reference.json"]), limits, asked.row)
            found = search(scorer, asked.row, steps, goal, most_changes)
    else:
        notes.append("pass --to VALUE for what would have to change for the number to get there")
    explanation = scorer.explain_row(asked.row, effects)
    return ExplainedRow(asked, scorer, score, explanation, limits or Limits(), found, (*notes, *told))


def _limits(
    config: ProjectConfig, scorer: Scorer, files: Mapping[str, bytes]
) -> tuple[Limits | None, list[str]]:
    """What can change: by tenure.yaml as it is now, where it says something, else by the release."""
    now = config.explain.model_dump(mode="json")
    then = json.loads(files[FILE])["changes"] if FILE in files else None
    if now == then or not any(now.values()):
        return (None if then is None else Limits.from_json(then)), []
    check_changes(config, scorer.recipe)
    return Limits.from_json(now), [
        "what can change is as tenure.yaml says now, which the release does not hold"
    ]


def _emptied(scorer: Scorer, asked: Asked) -> tuple[Asked, list[str]]:
    """Of a row that a batch scored, cells that break the recipe were scored as missing: they are so here."""
    if not asked.what.startswith("prediction"):
        return asked, []
    names = {column.name for column in scorer.recipe.inputs}
    bad = [problem.column for problem in scorer.problems(asked.row) if problem.column in names]
    if not bad:
        return asked, []
    row = {**asked.row, **dict.fromkeys(bad)}
    told = f"cells that could not be read were scored as missing: {', '.join(sorted(bad))}"
    return Asked(asked.what, asked.version, asked.release, row, tuple(bad)), [told]


def ask_lime(folder: Folder, explained: ExplainedRow, seed: int) -> ExplainedRow:
    """With LIME's opinion beside the effects. Raises ProjectError where the model's training rows are gone."""
    from tenure.model.explain.second_opinion import MOST_TRAINING_ROWS, second_opinion

    scorer = explained.scorer
    prepared = load_prepared(folder, follow(folder, scorer.manifest.data_version))
    names = [column.name for column in scorer.recipe.inputs]
    typed = prepared.rows.filter(pl.col(PART) == TRAIN).select(names).head(MOST_TRAINING_ROWS)
    training = settle(scorer.recipe, typed).collect()
    cells = scorer.clean_row(explained.asked.row)
    row = pl.DataFrame(
        [pl.Series(name, [cells[name]], dtype=dtype) for name, dtype in training.schema.items()]
    )
    return replace(explained, opinion=second_opinion(scorer, training, row, seed))


def _opinion_lines(opinion: Opinion, n: int) -> list[str]:
    width = max(len(name) for name, _, _ in opinion.columns[:n])
    ranks = "too few columns to rank" if opinion.ranks is None else f"rank correlation {opinion.ranks:.2f}"
    return [
        f"{'a second opinion':<{width + 2}}  {'effect':>9}  {'LIME':>9}",
        *(
            f"  {name:<{width}}  {effect:>+9.4f}  {weight:>+9.4f}"
            for name, effect, weight in opinion.columns[:n]
        ),
        f"  agreement: {ranks}; of the strongest, {opinion.same_sign:.0%} have the same sign",
        f"  LIME's own linear fit: R² {opinion.fit:.2f} of {opinion.samples:,} rows drawn around this one",
    ]


def _said(scorer: Scorer, score: Score, row: Mapping[str, Any]) -> str:
    if scorer.task == "regression":
        return f"{float(score.prediction):.6g}"
    if scorer.task == "binary":
        (threshold,) = np.broadcast_to(scorer.thresholds_of_rows([row]), 1)
        decides = f"decides for {scorer.positive} from {threshold:.4g} on"
        return f"{score.prediction}, probability of {scorer.positive} {score.probability:.4g}; {decides}"
    return f"{score.prediction}, probability {score.probability:.4g}"


def _short(scorer: Scorer, score: Score) -> str:
    if scorer.task == "regression":
        return f"{float(score.prediction):.6g}"
    return f"{score.prediction}, {score.probability:.4g}"


def _cell(value: object) -> str:
    return "(missing)" if value is None else value_text(Cell("", value, False))
