"""The OpenAPI document against the service: schemathesis, with all its checks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.serve.project import ServedProject, promote
from tests.serve.test_server import server

pytest.importorskip("schemathesis")

# What a text must say to be a number, a date or a level is the recipe's to tell, and no JSON Schema can: a row that is
# valid JSON of the right types may be refused, by 422, and by 400 in protocols that have no other word for it.
CONFIG = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", "400", "401", "403", "404", "409", "422", "429", "5xx"]
"""


@pytest.mark.slow
@pytest.mark.parametrize("release", ["first", "multiclass", "regression"])
def test_schemathesis_finds_nothing(project: ServedProject, release: str, tmp_path: Path):
    promote(project, release, "1")
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    with server(project) as (address, _):
        command = [sys.executable, "-m", "schemathesis.cli", "run", f"{address}/openapi.json"]
        options = [
            "--checks=all",
            "--max-examples=100",
            "--seed=1",
            "--no-color",
            "--suppress-health-check=all",
        ]
        done = subprocess.run([*command, *options], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
