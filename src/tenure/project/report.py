"""What a run tells: as a document for programs, and as text for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tenure.project.judged_text import describe_judged
from tenure.project.judging import JUDGED
from tenure.records import Estimate, Task
from tenure.release.explanations import describe_explanations
from tenure.release.fairness import describe_fairness

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
    mean) and of a plain logistic (or ridge) regression.  gain: of the metric over each of them, paired.
    parts: of the split, each with its rows and its target with an interval.
    post: whether it is champion, and why, in words.  notes: what was done again and why, or that nothing was.
    seconds: wall time by stage; "candidates" is the part spent inside the candidates' own fit and predict.
    leakage: what the leakage gate found, as JSON data.
    features: derived ones, each with name, sql, gain (an interval of generated ones, else None) and microseconds
    a row.
    fairness: what was measured by groups, as JSON data, with the verdict; {} where nothing was asked for.
    explanations: permutation importance, stability and interactions, as JSON data; see project.explaining.
    judged: claim, leaderboard, steps, slices and checks, as JSON data; see project.judging.
    """

    name: str
    version: str
    champion: bool
    post: str
    task: Task
    metric: str
    winner: str
    validation: Metrics
    test: Metrics
    baselines: Mapping[str, Metrics]
    gain: Metrics
    rows: Mapping[str, int]
    parts: Mapping[str, Any]
    seconds: Mapping[str, float]
    release: str
    run: str
    threshold: float | None
    importance: Mapping[str, float]
    warnings: tuple[str, ...]
    notes: tuple[str, ...] = ()
    leakage: Mapping[str, Any] = field(default_factory=dict)
    features: Sequence[Mapping[str, Any]] = ()
    judged: Mapping[str, Any] = field(default_factory=dict)
    fairness: Mapping[str, Any] = field(default_factory=dict)
    explanations: Mapping[str, Any] = field(default_factory=dict)

    @property
    def stopped(self) -> bool:
        """Whether a limit keeps the version from the post."""
        return bool(self.fairness) and not self.fairness["verdict"]["passed"] and not self.champion

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
            "gain": _document(self.gain),
            "threshold": self.threshold,
            "importance": dict(self.importance),
            "rows": dict(self.rows),
            "parts": dict(self.parts),
            "seconds": {stage: round(seconds, 3) for stage, seconds in self.seconds.items()},
            "release": self.release,
            "run": self.run,
            "warnings": list(self.warnings),
            "leakage": dict(self.leakage),
            "features": [dict(feature) for feature in self.features],
            "fairness": dict(self.fairness),
            "explanations": dict(self.explanations),
            "notes": list(self.notes),
            **self.judged,
        }

    @classmethod
    def from_dict(cls, body: Mapping[str, Any], *, version: str, champion: bool, post: str) -> RunReport:
        """Read what to_dict wrote; who holds the post may have changed since. Raises KeyError for another document."""
        return cls(
            name=body["model"]["name"],
            version=version,
            champion=champion,
            post=post,
            winner=body["model"]["family"],
            validation=_metrics(body["validation"]),
            test=_metrics(body["test"]),
            baselines={name: _metrics(metrics) for name, metrics in body["baselines"].items()},
            gain=_metrics(body["gain"]),
            warnings=tuple(body["warnings"]),
            judged={key: body[key] for key in JUDGED},
            **{key: body[key] for key in _AS_THEY_ARE},
        )

    def to_text(self) -> str:
        """A few lines a person reads: the measures beside the baselines, what matters most, what to know."""
        lines = [
            *self.notes,
            f"{self.name}, version {self.version}: {self.family_in_words}, {self.post}",
            f"measured once on {self.rows['test']:,} test rows, with 95 % intervals:",
            "",
            *self._table(),
            "",
            *self._verdicts(),
            *describe_judged(self.judged),
        ]
        if self.threshold is not None:
            lines.append(
                f"decides from a probability of {self.threshold:.3f} on; the baseline by the same rule"
            )
        if self.importance:
            top = ", ".join(
                f"{name} ({_number(effect)})" for name, effect in list(self.importance.items())[:5]
            )
            lines.append(f"what moves the score most (mean |SHAP|): {top}")
        lines += describe_explanations(self.explanations)
        lines += [_feature_line(feature) for feature in self.features]
        lines += describe_fairness(self.fairness) if self.fairness else []
        lines += [f"warning: {warning}" for warning in self.warnings]
        lines += ["", f"release: {self.release}   ({self.seconds['total']:.1f} s)"]
        return "\n".join(lines)

    @property
    def family_in_words(self) -> str:
        """The winner as a statistician would call it."""
        linear = "ridge regression" if self.task == "regression" else "logistic regression"
        return linear if self.winner == "logistic" else self.winner

    def _verdicts(self) -> list[str]:
        """Beside each baseline but the dummy, and the simplest that the model is not told apart from."""
        lines = [self._verdict(name, gain) for name, gain in list(self.gain.items())[1:]]
        level = self.judged.get("level_with")
        return [*lines, f"within noise of the simplest that is level: the {level}"] if level else lines

    def _verdict(self, baseline: str, gain: Estimate) -> str:
        metric = _LABELS.get(self.metric, self.metric)
        if abs(gain.value) < 1e-9:
            return f"the same as the {baseline}"
        how = "better than" if gain.low > 0 else "worse than" if gain.high < 0 else "not told apart from"
        interval = f"{_number(gain.value)} [{_number(gain.low)}, {_number(gain.high)}]"
        return f"{how} the {baseline} in {metric}: gain {interval}"

    def _table(self) -> list[str]:
        heads = ["", "this model", *self.baselines]
        rows = [heads]
        for key, e in self.test.items():
            own = f"{_number(e.value)} [{_number(e.low)}, {_number(e.high)}]"
            others = [_number(b[key].value) if key in b else "-" for b in self.baselines.values()]
            rows.append([_LABELS.get(key, key), own, *others])
        widths = [max(len(row[place]) for row in rows) for place in range(len(heads))]
        return [
            "  " + "  ".join(f"{c:<{w}}" for c, w in zip(row, widths, strict=True)).rstrip() for row in rows
        ]


def _feature_line(feature: Mapping[str, Any]) -> str:
    """What a derived feature costs a row, and what a generated one gained when it was chosen."""
    cost = f"{feature['microseconds']:.1f} µs a row"
    gain = feature["gain"]
    if gain is None:
        return f"feature {feature['name']} = {feature['sql']}: {cost}"
    interval = f"{gain['value']:.3g} [{gain['low']:.3g}, {gain['high']:.3g}]"
    return f"generated feature {feature['name']} = {feature['sql']}: loss lower by {interval}, {cost}"


def _number(value: float) -> str:
    """Four digits behind the point for shares, six that matter for large numbers."""
    return f"{value:.4f}" if abs(value) < 1000 else f"{value:,.0f}"


_AS_THEY_ARE = (
    *("task", "metric", "rows", "parts", "seconds", "release", "run", "threshold", "importance", "leakage"),
    *("features", "fairness", "explanations"),
)


def _metrics(body: Mapping[str, Any]) -> Metrics:
    return {name: Estimate(**estimate) for name, estimate in body.items()}


def _document(metrics: Metrics) -> dict[str, dict[str, float]]:
    return {name: asdict(estimate) for name, estimate in metrics.items()}
