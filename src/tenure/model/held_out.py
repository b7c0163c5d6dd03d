"""What is learned on held-out rows once the winner stands: calibration, threshold, intervals and prediction sets."""

from __future__ import annotations

from dataclasses import replace

from tenure.errors import ExtraMissing
from tenure.model.calibrate import learn_calibration
from tenure.model.candidates.base import Float64
from tenure.model.choose import Choice
from tenure.model.fitting import Run
from tenure.model.intervals import half_width, rows_needed
from tenure.model.prediction_sets import set_cut
from tenure.model.threshold import choose_threshold
from tenure.model.workbench import Rows, TrainingTable
from tenure.records import Estimate
from tenure.release.calibration import Calibration
from tenure.release.metrics import metrics_for


def calibrated(run: Run, choice: Choice, rows: Rows) -> tuple[Calibration, dict[str, Estimate]]:
    """Calibration and threshold from held-out rows, and the metrics there."""
    held_out = run.train.rows(rows)
    calibration = learn_calibration(
        run.recipe.target.task,
        run.n_classes,
        choice.margins[rows],
        held_out.y,
        output=choice.output,
        seed=run.settings.seed,
        weight=held_out.weight,
        class_weight=run.class_weight,
    )
    return with_threshold(run, calibration, choice.margins[rows], held_out)


def with_threshold(
    run: Run, calibration: Calibration, margins: Float64, table: TrainingTable
) -> tuple[Calibration, dict[str, Estimate]]:
    task, y, weight = run.recipe.target.task, table.y, table.weight
    if task == "regression":
        return _with_interval(run, calibration, margins[:, 0], y), metrics_for(
            task, y, margins, weight=weight
        )
    p = calibration.probabilities(margins)
    if task == "binary":
        threshold = choose_threshold(y, p[:, 1], run.settings.threshold, weight)
        calibration = replace(calibration, threshold=threshold)
    else:
        calibration = _with_sets(run, calibration, p, y)
    return calibration, metrics_for(task, y, p, calibration.threshold, weight)


def _with_sets(run: Run, calibration: Calibration, p: Float64, y: Float64) -> Calibration:
    """The calibration with the cut of prediction sets, learned on rows that the models behind it have not seen."""
    coverage = _coverage(run, len(y), "prediction sets")
    if coverage is None:
        return calibration
    return replace(calibration, coverage=coverage, set_cut=set_cut(p, y, coverage))


def _with_interval(run: Run, calibration: Calibration, predicted: Float64, y: Float64) -> Calibration:
    """The calibration with the intervals' width, learned on rows that the models behind it have not seen."""
    coverage = _coverage(run, len(y), "intervals")
    if coverage is None:
        return calibration
    try:
        return replace(calibration, coverage=coverage, half_width=half_width(predicted, y, coverage))
    except ExtraMissing as error:
        run.warnings.append(f"no intervals: MAPIE is not installed; {error.todo}")
        return calibration


def _coverage(run: Run, n_rows: int, what: str) -> float | None:
    """The coverage that is asked for; None, and said, where so many held-out rows are too few for it."""
    coverage = run.settings.coverage
    if coverage is not None and n_rows < rows_needed(coverage):
        run.warnings.append(f"no {what}: {n_rows} held-out rows are too few for a coverage of {coverage:g}")
        return None
    return coverage
