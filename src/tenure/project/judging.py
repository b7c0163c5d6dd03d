"""What is said of a trained model from its evidence: leaderboard, steps, slices, numbered checks, the claim."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import polars as pl

from tenure.config import ProjectConfig
from tenure.model.candidates.base import Facts
from tenure.model.checks import FAILING_SLICE, Measured, check_model, level_with
from tenure.model.claim import claim_of
from tenure.model.slices import LEAST_ROWS, Mask, Slice, from_json, in_words, mask_of, measure, parts_of
from tenure.prepare.recipe import VALUE_KINDS
from tenure.prepare.split import PART, TEST
from tenure.prepare.sql.columnar import compile_columns
from tenure.prepare.sql.expression import read_expression
from tenure.release.scorer import Scorer

if TYPE_CHECKING:
    from pathlib import Path

    from tenure.model.evaluate import Evaluation
    from tenure.model.train import Trained
    from tenure.model.workbench import TrainingTable
    from tenure.project.prepared import Prepared

_IN_RELEASE = ("claim", "level_with", "leaderboard", "steps", "slices", "checks", "intervals_speak_of")
"""What judge adds to a release's metrics."""
JUDGED = (*_IN_RELEASE, "serving")
"""What the result of a run holds of it: `serving` is measured, so that it stands in no release."""
_PASSES = 5


def judge(
    config: ProjectConfig,
    prepared: Prepared,
    test: TrainingTable,
    n_fitted: int,
    trained: Trained,
    evaluation: Evaluation,
    importance: Mapping[str, float],
    stability: Mapping[str, Any],
) -> dict[str, Any]:
    """Everything under JUDGED, as JSON data. Belongs to the one reading of the test rows, as `evaluation` does."""
    task = prepared.recipe.target.task
    evidence = trained.plan.evidence
    facts = Facts(task, len(prepared.recipe.target.classes), n_fitted, len(prepared.recipe.features))
    scores = trained.scores(test)

    def measured(masks: Mapping[str, Mask]) -> list[Slice]:
        return [
            measure(
                name,
                mask,
                task,
                test.y,
                scores,
                trained.metric,
                test.group,
                trained.thresholds(test),
                test.weight,
            )
            for name, mask in masks.items()
            if LEAST_ROWS <= mask.sum() <= len(mask) - LEAST_ROWS
        ]

    declared = declared_slices(config, prepared, test.features)
    weak = [from_json(body) for body in evidence.get("weak_slices", ())]
    found = Measured(
        evaluation,
        trained.plan,
        facts,
        importance,
        measured(declared),
        measured({in_words(condition): mask_of(condition, test.features) for condition in weak}),
        stability,
    )
    findings, unused = check_model(found, config.checks.waive)
    slices = [(one, kind) for kind in ("declared", "weak") for one in getattr(found, kind)]
    shown = {one.name for one, _ in slices}
    return {
        "claim": claim_of(evaluation, findings),
        "level_with": level_with(evaluation, trained.winner),
        "leaderboard": list(evidence.get("leaderboard", ())),
        "steps": list(evidence.get("steps", ())),
        "slices": {
            "measured": [{**asdict(one), "kind": kind} for one, kind in slices],
            "failing": [finding.subject for finding in findings if finding.code == FAILING_SLICE],
            "too_few_rows": {name: int(mask.sum()) for name, mask in declared.items() if name not in shown},
        },
        "checks": {
            "found": [finding.to_dict() for finding in findings],
            "unused_waivers": [{"code": code, "subject": subject} for code, subject in unused],
        },
        "intervals_speak_of": _coverage(prepared, test),
    }


def judged_of(release: Path) -> dict[str, Any]:
    """What judge found, from the release, with what a row costs to score by the release's own runtime.

    `serving.microseconds`: from raw row to score, the least mean of a few passes over the golden rows.
    """
    measured = json.loads((release / "metrics.json").read_text())
    scorer = Scorer.load(release)
    rows = [entry["row"] for entry in scorer.golden]
    passes = []
    for _ in range(_PASSES):
        started = time.perf_counter()
        for row in rows * 20:
            scorer.score_row(row)
        passes.append((time.perf_counter() - started) / (20 * len(rows)))
    return {key: measured[key] for key in _IN_RELEASE} | {
        "serving": {"microseconds": round(min(passes) * 1e6, 1), "is_measured": True}
    }


def check_warnings(judged: Mapping[str, Any]) -> list[str]:
    """A line for each finding that no waiver accepts, and for each waiver that fits nothing."""
    found = [f for f in judged["checks"]["found"] if f["waived"] is None]
    return [f"{_head(f)}: {f['what']}" for f in found] + [
        f"checks.waive.{waiver['code']}: {waiver['subject']!r} fits no finding; take the waiver out"
        for waiver in judged["checks"]["unused_waivers"]
    ]


def _head(finding: Mapping[str, Any]) -> str:
    """Code and subject; it stands among warnings, so that only an error says what it is."""
    grave = "error " if finding["severity"] == "error" else ""
    return f"{grave}{finding['code']}" + ("" if finding["subject"] is None else f" {finding['subject']!r}")


def declared_slices(config: ProjectConfig, prepared: Prepared, features: pl.DataFrame) -> dict[str, Mask]:
    """The test rows of each slice that tenure.yaml names: of a column, each of its levels or ranges."""
    recipe = prepared.recipe
    found: dict[str, Mask] = {}
    rows = None
    for number, text in enumerate(config.slices):
        if text in features.columns:
            parts = parts_of(text, features[text])
            found |= {str(part): part.mask(features) for part in parts}
            continue
        kinds = {column.name: VALUE_KINDS[column.kind] for column in recipe.inputs}
        value = read_expression(text, kinds, where=config.place("slices", number), want="boolean")
        if rows is None:
            names = [column.name for column in recipe.inputs]
            rows = prepared.rows.filter(pl.col(PART) == TEST).select(names).collect()
        holds = rows.select(compile_columns(value.tree).fill_null(False).alias("holds"))["holds"]
        found[text] = holds.to_numpy()
    return found


def _coverage(prepared: Prepared, test: TrainingTable) -> str:
    """What the intervals speak of, in a sentence."""
    what = "95 %: what other test rows of the same world would have shown"
    if test.group is not None:
        what += "; whole groups are drawn again, as rows of one group are alike"
    if test.time is not None:
        what += "; with rows by time they speak of the test period, and not of change after it"
    return what
