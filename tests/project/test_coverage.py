"""Prediction sets and intervals in a project: in predict, the service, metrics.json, the card and the run's output."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import polars as pl
import pytest

from tenure.project import Project
from tenure.project.folder import Folder
from tenure.project.setup import Request, create_project
from tenure.release.scorer import Scorer
from tenure.serve.champion import ServedModel
from tenure.serve.openapi import openapi_document
from tenure.serve.scoring import predict_rows
from tests.project.conftest import quick


def make_project(source: Path, root: Path) -> Project:
    create_project(Folder(root), Request(str(source), "target", None))
    return quick(root, "[logistic]")


def test_sets_of_several_classes(toy_tables: dict[str, Path], tmp_path: Path) -> None:
    project = make_project(toy_tables["wine"], tmp_path / "wine")
    report = project.run()
    release = Path(report.release)
    told = json.loads((release / "metrics.json").read_text())["sets"]
    assert told["coverage"] == 0.9
    assert told["on_test"]["low"] <= told["on_test"]["value"] <= told["on_test"]["high"]
    assert "Prediction sets of 90%" in report.to_text()
    assert "Prediction sets of 90%" in (release / "card.md").read_text()
    assert "Prediction sets of 90%" in project.card().to_markdown()
    assert report.to_dict()["sets"] == told

    project.predict(str(toy_tables["wine"]), str(tmp_path / "out.csv"))
    scored = pl.read_csv(tmp_path / "out.csv", infer_schema=False)
    sets = [json.loads(text) for text in scored["set"]]
    assert all(prediction in labels for prediction, labels in zip(scored["prediction"], sets, strict=True))
    cut = json.loads((release / "calibration.json").read_text())["set_cut"]
    for row, labels in zip(scored.iter_rows(named=True), sets, strict=True):
        probable = [label for label in "012" if float(row[f"probability_{label}"]) >= cut]
        assert labels == sorted({*probable, row["prediction"]})

    rows = pl.read_csv(toy_tables["wine"], infer_schema=False).drop("target").to_dicts()
    model = ServedModel("wine", "1", release.name, release, Scorer.load(release))
    answers, _ = asyncio.run(predict_rows(model, rows, 0, time.perf_counter()))
    assert [list(answer["set"]) for answer in answers] == sets
    described = openapi_document("wine", "1", model, has_token=False)["components"]["schemas"]["Prediction"]
    assert "set" in described["properties"]
    assert project.replay_run(report.run).same


def test_intervals_of_a_number_stand_in_the_card(toy_tables: dict[str, Path], tmp_path: Path) -> None:
    pytest.importorskip("mapie")
    project = make_project(toy_tables["diabetes"], tmp_path / "diabetes")
    report = project.run()
    told = json.loads((Path(report.release) / "metrics.json").read_text())["intervals"]
    for text in (
        report.to_text(),
        (Path(report.release) / "card.md").read_text(),
        project.card().to_markdown(),
    ):
        assert f"`low` to `high` held the outcome in {told['on_test']['value']:.4f}" in text
        assert f"{told['mean_width']:.5g} wide" in text
