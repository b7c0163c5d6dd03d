"""How each tool of the quality benchmark is installed and run: each in a process and an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from environments import python_with
from quality_tables import Split, Table

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parent / "src"


@dataclass(frozen=True)
class Peer:
    """environment: its name.  installs: requirements, one call of pip after the other.  seconds: its budget."""

    environment: str
    installs: tuple[tuple[str, ...], ...]
    seconds: float


# torch first and alone: AutoGluon's range would take a newer, larger build. Without FastAI's networks, which need
# torchvision; AutoGluon's own torch networks take part.
AUTOGLUON = (("torch==2.13.0",), ("autogluon.tabular[lightgbm,catboost,xgboost]==1.6.3",))
PEERS = {
    "autogluon": Peer("autogluon", AUTOGLUON, 60.0),
    "autogluon_best": Peer("autogluon", AUTOGLUON, 300.0),
    "flaml": Peer("flaml", (("flaml[automl]==2.8.0", "pandas<3"),), 60.0),
    "catboost": Peer("catboost", (("catboost==1.2.10", "pandas<3"),), 60.0),
}
TENURE, CLASSIFIER = "tenure", "tenure.Classifier"
OWN = (TENURE, CLASSIFIER)
TENURE_SECONDS = 60.0


@dataclass(frozen=True)
class Answer:
    """p: probabilities of the positive class on the test rows.  seconds: until the model could predict.

    row_microseconds: from a raw dict to a probability in process, or None where it was not measured.
    """

    p: np.ndarray
    seconds: float
    version: str
    row_microseconds: float | None = None
    note: str = ""


def commit() -> str:
    """The commit of tenure's code, with a + where files differ from it."""
    run = ["git", "-C", str(HERE.parent)]
    name = subprocess.run(
        [*run, "rev-parse", "--short=10", "HEAD"], capture_output=True, text=True, check=True
    )
    changed = subprocess.run(
        [*run, "status", "--porcelain", "src"], capture_output=True, text=True, check=True
    )
    return name.stdout.strip() + ("+" if changed.stdout.strip() else "")


def run_tool(tool: str, table: Table, split: Split, seed: int, cache: Path, seconds: float | None) -> Answer:
    """Run one tool on one split. Raises RuntimeError with the end of its output where it fails."""
    with tempfile.TemporaryDirectory(prefix="quality-") as scratch:
        if tool == TENURE:
            return _tenure(table, split, seed, Path(scratch), seconds or TENURE_SECONDS)
        if tool == CLASSIFIER:
            given = (table, split, seed, Path(scratch), seconds or TENURE_SECONDS)
            found = _peer(tool, Path(sys.executable), *given)
            return replace(found, version=f"tenure {commit()}")
        peer = PEERS[tool]
        python = python_with(cache / peer.environment, peer.installs)
        return _peer(tool, python, table, split, seed, Path(scratch), seconds or peer.seconds)


def _peer(
    tool: str, python: Path, table: Table, split: Split, seed: int, scratch: Path, seconds: float
) -> Answer:
    out = scratch / "answer.npz"
    call = [str(python), str(HERE / "quality_peers.py"), tool, str(split.train), str(split.test), str(out)]
    told = ["--target", table.target, "--positive", table.positive, "--seconds", str(seconds)]
    _call([*call, *told, "--seed", str(seed)], scratch, limit=20 * seconds + 600)
    found = np.load(out)
    return Answer(found["p"], float(found["seconds"]), str(found["version"]))


def _tenure(table: Table, split: Split, seed: int, scratch: Path, seconds: float) -> Answer:
    """`tenure run` in an empty folder, as a user's first call, then `tenure predict`.

    It gets the same rows as its peers, and sets a fifth of them aside as its own test part, which it reads once to
    tell how good the model is and never learns from: the model has four fifths of what the peers' have.
    """
    tenure = [sys.executable, "-m", "tenure"]
    told = ["--target", table.target, "--positive", table.positive, "--budget", f"{seconds:g}s"]
    started = time.perf_counter()
    done = _call(
        [*tenure, "run", str(split.train), *told, "--seed", str(seed), "--json"], scratch, 20 * seconds + 600
    )
    took = time.perf_counter() - started
    told_back = json.loads(done)
    project, scored = scratch / "train", scratch / "scored.csv"
    _call([*tenure, "predict", str(split.test), str(scored), "--project", str(project)], scratch, 600)
    p = pl.read_csv(scored)["probability"].to_numpy()
    release = (scratch / told_back["release"]).resolve() if told_back.get("release") else None
    if release is None or not release.is_dir():
        release = next((project / "releases").iterdir())
    row = float(
        _call([sys.executable, str(HERE / "quality_row.py"), str(release), str(split.test)], scratch, 600)
    )
    warnings = "; ".join(str(w) for w in told_back.get("warnings", []))
    return Answer(p, took, f"tenure {commit()}", row, warnings[:300])


def _call(command: Sequence[str], folder: Path, limit: float) -> str:
    """Run to the end and return stdout. tenure's own source comes first on the path."""
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    own["TMPDIR"] = str(folder)  # what a tool leaves behind goes with it
    if command[0] == sys.executable:
        own["PYTHONPATH"] = str(SOURCE)
    done = subprocess.run(
        command, cwd=folder, env=own, capture_output=True, text=True, timeout=limit, check=False
    )
    if done.returncode:
        raise RuntimeError(f"exit {done.returncode}: {' '.join(command[:4])} …\n{done.stderr[-2000:]}")
    return done.stdout
