"""What MLflow's users expect of a run: its trials nested under it, its dataset, and a model that loads anywhere.

The model is a copy of the release folder with MLflow's own description beside it. It is written by hand, because
MLflow's writer imports seconds' worth of libraries; nothing of it is code or pickle.
"""

from __future__ import annotations

import getpass
import json
import platform
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tenure.model.mlflow_import import load

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from tenure.model.workbench import Trial

LOADER = "tenure.mlflow_flavor"
PARENT_TAG = "mlflow.parentRunId"
NAME_TAG = "mlflow.runName"
USER_TAG, SOURCE_TAG, NOTE_TAG = "mlflow.user", "mlflow.source.name", "mlflow.note.content"
_PARAM = 500  # characters of a parameter's value


def origin_tags(release: Path) -> dict[str, str]:
    """What MLflow's pages show of where a run comes from, and as its description what may be said of the model."""
    claim = json.loads((release / "metrics.json").read_text()).get("claim", "")
    return {USER_TAG: getpass.getuser(), SOURCE_TAG: "tenure", "mlflow.source.type": "LOCAL", NOTE_TAG: claim}


def log_dataset(client: MlflowClient, run_id: str, name: str, version: str) -> None:
    """Say which data version the run learned from; its name is the digest."""
    entities = load("mlflow.entities")
    source = json.dumps({"data_version": version})
    dataset = entities.Dataset(name=name, digest=version, source_type="tenure", source=source)
    context = entities.InputTag("mlflow.data.context", "training")
    client.log_inputs(run_id, [entities.DatasetInput(dataset, [context])])


def log_trials(client: MlflowClient, experiment: str, parent: str, trials: Sequence[Trial]) -> None:
    """Make a finished run of each trial, under the parent: its parameters, its loss, and that of each fold as a step.

    Trials that are there already, of a registration that was killed, are not made again.
    """
    entities = load("mlflow.entities")
    there = client.search_runs([experiment], f"tags.`{PARENT_TAG}` = '{parent}'", max_results=1000)
    for number, trial in list(enumerate(trials))[len(there) :]:
        body = trial.to_json()
        now = int(time.time() * 1000)
        tags = {PARENT_TAG: parent, NAME_TAG: f"{number:03d} {trial.family}", "tenure.state": trial.state}
        run = client.create_run(experiment, start_time=now, tags=tags)
        params = {"family": trial.family, **body["params"]}
        metrics = [
            entities.Metric("fold_loss", loss, now, step) for step, loss in enumerate(trial.fold_losses)
        ]
        metrics += [
            entities.Metric(name, body[name], now, 0)
            for name in ("loss", "score", "rounds", "seconds")
            if body[name] is not None
        ]
        logged = [entities.Param(name, str(value)[:_PARAM]) for name, value in params.items()]
        client.log_batch(run.info.run_id, metrics=metrics, params=logged)
        state = "FINISHED" if trial.state == "complete" else "KILLED"
        client.set_terminated(run.info.run_id, state, end_time=now + round(1000 * trial.seconds))


def log_model(client: MlflowClient, run_id: str, release: Path) -> str:
    """Log the release as a model with the `python_function` flavor, and its card; return the model's address."""
    with tempfile.TemporaryDirectory(prefix="tenure-mlflow-") as place:
        folder = Path(place)
        shutil.copytree(release, folder / "release")
        example = json.loads((release / "golden.json").read_text())["rows"][0]["row"]
        split = {"columns": list(example), "data": [list(example.values())]}
        (folder / "input_example.json").write_text(json.dumps(split))
        body = describe_model(json.loads((release / "recipe.json").read_text()), list(example), run_id)
        body["mlflow_version"] = load("mlflow").__version__
        (folder / "MLmodel").write_text(yaml.safe_dump(body, sort_keys=False))
        client.log_artifacts(run_id, place, "model")
    client.log_artifact(run_id, str(release / "card.md"))
    return f"{client.get_run(run_id).info.artifact_uri}/model"


def describe_model(recipe: Mapping[str, Any], columns: Sequence[str], run_id: str) -> dict[str, Any]:
    """The MLmodel file. Columns are of any type: how a cell is read is the recipe's business, not MLflow's."""
    target = recipe["target"]
    outputs = [{"type": "any", "name": "prediction"}]
    if target["task"] == "binary":
        outputs.append({"type": "double", "name": "probability"})
    elif target["task"] == "multiclass":
        outputs += [{"type": "double", "name": f"probability_{label}"} for label in target["classes"]]
    inputs = [{"type": "any", "name": name, "required": False} for name in columns]
    return {
        "artifact_path": "model",
        "flavors": {
            "python_function": {
                "loader_module": LOADER,
                "data": "release",
                "python_version": platform.python_version(),
            }
        },
        "run_id": run_id,
        "saved_input_example_info": {
            "artifact_path": "input_example.json",
            "pandas_orient": "split",
            "type": "dataframe",
        },
        "signature": {"inputs": json.dumps(inputs), "outputs": json.dumps(outputs), "params": None},
        "utc_time_created": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f"),
    }
