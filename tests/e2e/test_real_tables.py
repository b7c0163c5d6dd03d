"""Real tables, one command shape, no hand editing; and what is left when a run is killed."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import time
from pathlib import Path

import polars as pl
import pytest

from tests.e2e.command import TELCO, TENURE, run, run_json

pytestmark = pytest.mark.slow

TABLES = {
    "telco.csv": TELCO,
    "telecom5000.csv": ["--target", "churn", "--positive", "yes"],
    "telecom3333.csv": ["--target", "churn"],
    "adult.csv.gz": ["--target", "income", "--positive", ">50K"],
    "credit_default.csv": ["--target", "default.payment.next.month", "--positive", "1", "--id", "ID"],
    "electricity.csv.gz": ["--target", "class"],
}


@pytest.mark.parametrize("table", TABLES)
def test_a_real_table_needs_no_editing(table: str, shared_data: Path, tmp_path: Path):
    options = TABLES[table]
    columns = pl.read_csv(shared_data / table, n_rows=1, infer_schema=False).columns
    target = next(c for c in columns if c.lower() == options[1].lower())
    report = run_json(
        "run", str(shared_data / table), "--target", target, *options[2:], "--budget", "8s", cwd=tmp_path
    )
    assert report["task"] == "binary"
    assert report["test"]["roc_auc"]["low"] > 0.7
    project = tmp_path / table.removesuffix(".gz").removesuffix(".csv")
    done = run_json(
        "predict", str(shared_data / table), "out.parquet", "--project", str(project), cwd=tmp_path
    )
    scored = pl.read_parquet(tmp_path / "out.parquet")
    assert scored.height == done["rows"] == pl.read_csv(shared_data / table, infer_schema=False).height
    assert scored["probability"].is_between(0, 1).all()
    assert scored["prediction"].n_unique() == 2


def test_leaking_columns_are_left_out_by_name(shared_data: Path, tmp_path: Path):
    source = shared_data / "bankchurners.csv"
    run(
        "init",
        "p",
        "--data",
        str(source),
        "--target",
        "Attrition_Flag",
        "--positive",
        "Attrited Customer",
        cwd=tmp_path,
    )
    leaks = [
        c for c in pl.read_csv(source, n_rows=1, infer_schema=False).columns if c.startswith("Naive_Bayes")
    ]
    config = tmp_path / "p" / "tenure.yaml"
    listed = "\n".join(f"    - {leak}" for leak in leaks)
    config.write_text(config.read_text().replace("  exclude: []", f"  exclude:\n{listed}\n "))
    report = run_json("run", "--project", "p", "--budget", "8s", cwd=tmp_path)
    assert 0.9 < report["test"]["roc_auc"]["value"] < 0.9995
    assert not set(leaks) & set(report["importance"])


@pytest.mark.parametrize("after", [0.3, 1.5, 3.0, 6.0])
def test_a_killed_run_is_gone_on_from(after: float, shared_data: Path, tmp_path: Path):
    shutil.copy(shared_data / "telecom5000.csv", tmp_path)
    arguments = ["run", "telecom5000.csv", "--target", "churn", "--budget", "5s"]
    process = subprocess.Popen([*TENURE, *arguments], cwd=tmp_path, stdout=subprocess.DEVNULL)
    time.sleep(after)
    process.kill()
    process.wait()
    report = run_json(*arguments, cwd=tmp_path)
    assert report["model"]["champion"]
    models = run_json("models", "--project", "telecom5000", cwd=tmp_path)["models"]
    assert [m["release"] for m in models if "champion" in m["aliases"]] == [Path(report["release"]).name]
    assert not list((tmp_path / "telecom5000").rglob(".tmp-*"))


def test_a_gzipped_table_and_its_plain_form_give_the_same_data(shared_data: Path, tmp_path: Path):
    packed = shared_data / "electricity.csv.gz"
    (tmp_path / "plain.csv").write_bytes(gzip.decompress(packed.read_bytes()))
    target = "Class" if "Class" in pl.read_csv(packed, n_rows=1, infer_schema=False).columns else "class"
    documents = []
    for name, source in {"a": packed, "b": tmp_path / "plain.csv"}.items():
        run("init", name, "--data", str(source), "--target", target, cwd=tmp_path)
        documents.append(run_json("prepare", "--project", name, cwd=tmp_path))
    assert documents[0]["rows"] == documents[1]["rows"]
    assert documents[0]["features"] == documents[1]["features"]
