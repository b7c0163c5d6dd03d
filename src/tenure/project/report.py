"""What a run tells: as a document for programs, and as text for a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tenure.records import Estimate, Task

Metrics = Mapping[str, Estimate]

_LABELS = {
    "roc_auc": "ROC-AUC",
    "pr_auc": "PR-AUC",
    "accuracy": "accuracy",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "log_loss": "log loss",
    "brier": "Brier score",
    "calibration_error": "calibration error",
    "rmse": "RMSE",
    "mae": "MAE",
    "r2": "R²",
}


@dataclass(frozen=True, slots=True)
class RunReport:
    """The result of `tenure run`.

    validation: the winner fitted on the training part only, on the validation part.  test: the release,
    on the test part, which was read once.  baselines: name to test metrics of the majority class (or the
    mean) and of a plain logistic (or ridge) regression.
    seconds: wall time by stage; "candidates" is the part spent inside the candidates' own fit and predict.
    """

    name: str
    version: str
    champion: bool
    task: Task
    metric: str
    winner: str
    validation: Metrics
    test: Metrics
    baselines: Mapping[str, Metrics]
    rows: Mapping[str, int]
    seconds: Mapping[str, float]
    release: str
    run: str
    threshold: float | None
    importance: Mapping[str, float]
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The document of `tenure run --json`."""
        return {
            "model": {
                "name": self.name,
                "version": self.version,
                "champion": self.champion,
                "family": self.winner,
            },
            "task": self.task,
            "metric": self.metric,
            "validation": _document(self.validation),
            "test": _document(self.test),
            "baselines": {name: _document(metrics) for name, metrics in self.baselines.items()},
            "threshold": self.threshold,
            "importance": dict(self.importance),
            "rows": dict(self.rows),
            "seconds": {stage: round(seconds, 3) for stage, seconds in self.seconds.items()},
            "release": self.release,
            "run": self.run,
            "warnings": list(self.warnings),
        }

    def to_text(self) -> str:
        """A few lines a person reads: the measures beside the baselines, what matters most, what to know."""
        post = "the champion" if self.champion else "waiting: `tenure promote` gives it the post"
        lines = [
            f"{self.name}, version {self.version}: {self.winner}, {post}",
            f"measured once on {self.rows['test']:,} test rows, with 95 % intervals:",
            "",
            *self._table(),
        ]
        if self.importance:
            top = ", ".join(
                f"{column} ({effect:.3f})" for column, effect in list(self.importance.items())[:5]
            )
            lines += ["", f"what moves the score most (mean |SHAP|): {top}"]
        lines += [f"warning: {warning}" for warning in self.warnings]
        lines += ["", f"release: {self.release}   ({self.seconds['total']:.1f} s)"]
        return "\n".join(lines)

    def _table(self) -> list[str]:
        names = list(self.baselines)
        header = f"  {'':<18} {'this model':<27}" + "".join(f"{name:<18}" for name in names)
        rows = [header.rstrip()]
        for key, estimate in self.test.items():
            value = f"{estimate.value:.4f} [{estimate.low:.4f}, {estimate.high:.4f}]"
            others = "".join(
                f"{self.baselines[name][key].value:<18.4f}" if key in self.baselines[name] else f"{'-':<18}"
                for name in names
            )
            rows.append(f"  {_LABELS.get(key, key):<18} {value:<27}{others}".rstrip())
        return rows


def _document(metrics: Metrics) -> dict[str, dict[str, float]]:
    return {name: asdict(estimate) for name, estimate in metrics.items()}
