"""What MLflow's users find of a run, and that its model loads in a fresh process with the bits of the release."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tenure.model.registry import Registry
from tenure.model.workbench import Trial
from tenure.release.folder import open_release, write_release
from tenure.release.scorer import Scorer
from tests.builders import make_parts

LOAD = """
import json, sys
import mlflow, pandas
mlflow.set_tracking_uri(sys.argv[1]); mlflow.set_registry_uri(sys.argv[1])
model = mlflow.pyfunc.load_model("models:/customers/1")
print(model.predict(pandas.DataFrame(json.loads(sys.argv[2]))).to_json(orient="records", double_precision=15))
"""


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    release = write_release(tmp_path / "releases", make_parts("binary"))
    registry = Registry(None, "customers", tmp_path)
    trials = [Trial("logistic", {"strength": 1.0}, "complete", (0.5, 0.4), 0.45, None, 0, 0.1)] * 2
    manifest = open_release(release).to_json()
    assert registry.register(release, manifest, {}, {}, trials) == "1"
    return registry


def test_the_model_loads_and_scores_in_a_fresh_process(registry: Registry, tmp_path: Path):
    (release,) = (tmp_path / "releases").iterdir()
    rows = [entry["row"] for entry in json.loads((release / "golden.json").read_text())["rows"]]
    done = subprocess.run(
        [sys.executable, "-c", LOAD, registry.uri, json.dumps(rows)],
        capture_output=True,
        text=True,
        check=True,
    )
    scorer = Scorer.load(release)
    found = json.loads(done.stdout.splitlines()[-1])
    assert [row["prediction"] for row in found] == [scorer.score_row(row).prediction for row in rows]
    for row, answer in zip(rows, found, strict=True):
        assert answer["probability"] == pytest.approx(scorer.score_row(row).probability, abs=1e-15)
    artifacts = tmp_path / ".tenure" / "artifacts"
    assert not [path for path in artifacts.rglob("*") if path.suffix in (".pkl", ".pickle", ".joblib")]


def test_trials_are_nested_and_the_dataset_has_its_digest(registry: Registry):
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=registry.uri)
    experiment = client.get_experiment_by_name("customers").experiment_id
    runs = client.search_runs([experiment])
    (parent,) = (run for run in runs if "mlflow.parentRunId" not in run.data.tags)
    nested = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
    assert len(nested) == 2
    history = client.get_metric_history(nested[0].info.run_id, "fold_loss")
    assert [(metric.step, metric.value) for metric in history] == [(0, 0.5), (1, 0.4)]
    assert nested[0].info.end_time - nested[0].info.start_time == 100
    assert parent.data.tags["mlflow.source.name"] == "tenure"
    assert parent.data.tags["mlflow.user"]
    (dataset,) = parent.inputs.dataset_inputs
    assert dataset.dataset.digest
    assert {"model", "card.md"} <= {file.path for file in client.list_artifacts(parent.info.run_id)}
