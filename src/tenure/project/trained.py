"""A trained model between `train` and `evaluate`: plain data, on disk or in memory."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from tenure.config import ProjectConfig
from tenure.durable import write_durably
from tenure.errors import ProjectError
from tenure.model.document import ModelDocument
from tenure.model.settings import Plan
from tenure.model.train import Trained
from tenure.project.folder import Folder
from tenure.records import Estimate
from tenure.release.calibration import Calibration
from tenure.release.encoding import Encoding

FORMAT = "tenure-trained/3"


@dataclass(frozen=True)
class TrainedRun:
    """What training made, for one run on one set of prepared rows.

    prepared: the data version.  seconds: wall time by stage.  config: as JSON data, with what options changed.
    threads: how many it computed with.  note: why it was done again, or not.
    """

    run: str
    prepared: str
    seed: int
    trained: Trained
    seconds: Mapping[str, float]
    config_sha256: str
    config: Mapping[str, Any]
    threads: int
    note: str | None = None

    @classmethod
    def of(
        cls, config: ProjectConfig, prepared: str, trained: Trained, seconds: Mapping[str, float]
    ) -> TrainedRun:
        """A new run, of a model that was just trained by this config on this data version."""
        body = config.model_dump(mode="json")
        threads = config.model.n_threads
        return cls(
            new_run_id(), prepared, config.split.seed, trained, seconds, config_hash(config), body, threads
        )

    def to_dict(self) -> dict[str, Any]:
        """The document of `tenure train --json`."""
        trained = self.trained
        return {
            "run": self.run,
            "prepared": self.prepared,
            "note": self.note,
            "winner": trained.winner,
            "metric": trained.metric,
            "cross_validation": _metrics(trained.cross_validation),
            "validation": _metrics(trained.validation),
            "trials": len(trained.plan.trials),
            "stopped": trained.plan.stopped,
            "seconds": dict(self.seconds),
            "warnings": list(trained.warnings),
        }

    def to_text(self) -> str:
        """A few lines for a person."""
        trained = self.trained
        lines = [self.note] if self.note else []
        lines.append(f"run {self.run}: {trained.winner} won {len(trained.plan.trials)} trials")
        shown = trained.validation or trained.cross_validation
        if trained.metric in shown:
            lines.append(f"  validation {trained.metric}: {shown[trained.metric]}")
        lines += [f"warning: {warning}" for warning in trained.warnings]
        lines.append("next: `tenure evaluate`")
        return "\n".join(lines)


def keep_trained(folder: Folder, run: TrainedRun) -> None:
    """Write a trained model where `evaluate` finds it."""
    trained = run.trained
    body = {
        "format": FORMAT,
        "run": run.run,
        "prepared": run.prepared,
        "seed": run.seed,
        "run_seconds": dict(run.seconds),
        "config_sha256": run.config_sha256,
        "config": dict(run.config),
        "threads": run.threads,
        **_document(trained),
        "plain": None if trained.plain is None else _document(trained.plain),
    }
    write_durably(folder.trained / "trained.json", json.dumps(body))


def load_trained(folder: Folder) -> TrainedRun:
    """Read the model that waits for evaluation. Raises ProjectError when there is none."""
    path = folder.trained / "trained.json"
    try:
        body = json.loads(path.read_text())
        if body["format"] != FORMAT:
            raise ValueError(f"format {body['format']!r}, expected {FORMAT!r}")
    except FileNotFoundError:
        raise ProjectError(
            "no trained model waits for evaluation", where=str(path), todo="run `tenure train`"
        ) from None
    except (ValueError, KeyError) as error:
        raise ProjectError(
            f"the trained model cannot be read: {error}", where=str(path), todo="run `tenure train`"
        ) from error
    trained = _trained(body)
    if body["plain"] is not None:
        trained = replace(trained, plain=_trained(body["plain"]))
    return TrainedRun(
        body["run"],
        body["prepared"],
        body["seed"],
        trained,
        body["run_seconds"],
        body["config_sha256"],
        body["config"],
        body["threads"],
    )


def _document(trained: Trained) -> dict[str, Any]:
    return {
        "winner": trained.winner,
        "metric": trained.metric,
        "encoding": trained.encoding.to_json(),
        "document": asdict(trained.document),
        "calibration": trained.calibration.to_json(),
        "cross_validation": _metrics(trained.cross_validation),
        "validation": _metrics(trained.validation),
        "plan": trained.plan.to_json(),
        "seconds": dict(trained.seconds),
        "warnings": list(trained.warnings),
    }


def _trained(body: Mapping[str, Any]) -> Trained:
    return Trained(
        winner=body["winner"],
        metric=body["metric"],
        encoding=Encoding.from_json(body["encoding"]),
        document=ModelDocument(**body["document"]),
        calibration=Calibration.from_json(body["calibration"]),
        cross_validation=_estimates(body["cross_validation"]),
        validation=_estimates(body["validation"]),
        plan=Plan.from_json(body["plan"]),
        seconds=body["seconds"],
        warnings=tuple(body["warnings"]),
    )


def new_run_id() -> str:
    """A name for a run that sorts by time.

    >>> len(new_run_id())
    20
    """
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def config_hash(config: ProjectConfig) -> str:
    """SHA-256 of the effective config."""
    return hashlib.sha256(config.model_dump_json().encode()).hexdigest()


def waiting_run(folder: Folder) -> str | None:
    """The run whose model waits for evaluation."""
    try:
        return load_trained(folder).run
    except ProjectError:
        return None


def forget_trained(folder: Folder) -> None:
    """Once evaluated, a model cannot be evaluated again: its test rows have been read."""
    (folder.trained / "trained.json").unlink(missing_ok=True)


def _metrics(metrics: Mapping[str, Estimate]) -> dict[str, dict[str, float]]:
    return {name: asdict(estimate) for name, estimate in metrics.items()}


def _estimates(metrics: Mapping[str, Mapping[str, float]]) -> dict[str, Estimate]:
    return {name: Estimate(**estimate) for name, estimate in metrics.items()}
