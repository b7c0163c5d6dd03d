"""A small run of the corpus of planted leaks; benchmarks/leakage.py has the whole of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.command import TENURE

BENCHMARK = Path(__file__).parents[3] / "benchmarks" / "leakage.py"
TABLES = "telco,telecom5000,bankchurners,electricity,wine,iris,breast_cancer,digits,diabetes"


@pytest.mark.slow
def test_planted_leaks_are_found_and_clean_columns_pass(shared_data: Path):
    arguments = [str(shared_data), "--rows", "4000", "--seeds", "1", "--misses", "--tables", TABLES]
    done = subprocess.run(
        [sys.executable, str(BENCHMARK), *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_the_two_leaking_columns_of_bankchurners_are_named_and_no_other(shared_data: Path, tmp_path: Path):
    source = str(shared_data / "bankchurners.csv")
    options = ["--target", "Attrition_Flag", "--positive", "Attrited Customer", "--budget", "5s", "--json"]
    done = subprocess.run(
        [*TENURE, "run", source, *options], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    found = json.loads(done.stdout)["leakage"]["found"]
    assert [f["severity"] for f in found] == ["critical", "critical"]
    assert all(f["column"].startswith("Naive_Bayes_Classifier") for f in found)
    assert not list((tmp_path / "bankchurners" / "releases").iterdir())
