"""What a coverage-guided fuzzer (atheris) finds in the parsers of bodies: nothing."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.serve import messy_rows

FUZZ = Path(__file__).with_name("fuzz.py")


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not installed")
def test_no_body_breaks_a_route(releases: dict[str, Path], rows: list[Any], tmp_path: Path):
    corpus, good = tmp_path / "corpus", json.loads(json.dumps(rows[:2], default=str))
    corpus.mkdir()
    texts = [{name: str(cell) for name, cell in row.items()} for row in good]
    tensors = messy_rows.as_tensors(texts)
    assert tensors is not None
    outcome = {"id": "0" * 32, "outcome": "yes"}
    for route, body in [
        (0, json.dumps(good).encode()),
        (1, json.dumps(good[0]).encode()),
        (2, messy_rows.as_records(good)),
        (2, messy_rows.as_split(good)),
        (2, messy_rows.as_inputs(good)),
        (3, messy_rows.as_csv(texts)),
        (4, tensors),
        (5, tensors),
        (6, json.dumps([outcome]).encode()),
    ]:
        (corpus / f"{route}-{len(body)}").write_bytes(bytes([route, 255]) + body)
    runs = os.environ.get("TENURE_FUZZ_RUNS", "20000")
    command = [sys.executable, FUZZ, releases["first"], f"-runs={runs}", "-seed=1", "-max_len=4096", corpus]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    ended = subprocess.run(
        list(map(str, command)), env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-6000:]
    assert f"Done {runs} runs" in ended.stderr
