"""What the two benchmarks of the service share: a project, a bare FastAPI app, and their processes."""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

TELCO = ROOT.parent / "shared" / "data" / "telco.csv"

# The least a FastAPI app does for the same rows: parse them into a typed model, answer a constant.
NO_OP = """
import sys
import uvicorn
from typing import Any
from fastapi import FastAPI
from pydantic import create_model

names = sys.argv[2].split("\\x1f")
Row = create_model("Row", **{name: (str | float | bool | None, ...) for name in names})
app = FastAPI()

@app.post("/predict")
async def predict(row: Row) -> dict[str, Any]:
    found = [{"id": "0", "prediction": "No", "probability": 0.5}]
    return {"model": {"name": "customers", "version": "1"}, "predictions": found}

@app.get("/readyz")
async def readyz() -> dict[str, str]:
    return {"status": "ready"}

uvicorn.run(
    app, port=int(sys.argv[1]), loop="uvloop", http="httptools", ws="none",
    access_log=False, log_level="error",
)
"""
OURS = """
import sys
from pathlib import Path
from tenure.serve.server import run
from tenure.serve.settings import ServeSettings

journal = Path(sys.argv[3]) if sys.argv[3] else None
run(ServeSettings(pointer=Path(sys.argv[2]), journal=journal), port=int(sys.argv[1]))
"""


@dataclass(frozen=True)
class Served:
    """A promoted release. rows: different raw rows without the target.  columns: the model's own."""

    pointer: Path
    rows: list[dict[str, Any]]
    columns: list[str]


def parse_arguments(description: str | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--release", type=Path, help="a release folder (default: a small one, trained here)")
    parser.add_argument("--rows", type=Path, help="a CSV file of rows for it (default: its golden rows)")
    parser.add_argument("--table", type=Path, default=TELCO, help="a CSV file to train on without --release")
    parser.add_argument("--target", default="Churn", help="its target")
    parser.add_argument("--budget", default="60s", help="of that training")
    parser.add_argument("--rounds", type=int, default=5, help="times that each server is measured, in turn")
    parser.add_argument("--seconds", type=float, default=3.0, help="of load in a round")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 8, 32])
    return parser.parse_args()


def train_release(folder: Path, table: Path, target: str, budget: str) -> Path:
    """The release that `tenure run` ships."""
    command = [sys.executable, "-m", "tenure", "run", str(table), "--target", target, "--budget", budget]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    told = subprocess.run(
        [*command, "--project", str(folder), "--json"], env=environment, stdout=subprocess.PIPE, check=True
    )
    return Path(json.loads(told.stdout)["release"])


def make_project(folder: Path, release: Path | None, rows: Path | None) -> Served:
    """Promote a release in a new project, and gather rows for it."""
    from tenure.release.scorer import Scorer

    found: list[dict[str, Any]] = []
    if release is None:
        from tests.builders import build_release, make_table

        release = build_release(folder / "releases")
        found = make_table(500, seed=7).drop("churn").to_dicts()
    scorer = Scorer.load(release)
    if rows is not None:
        import polars as pl

        found = pl.read_csv(rows).head(2000).to_dicts()
    elif not found:
        found = [dict(entry["row"]) for entry in scorer.golden]
    for row in found:
        row.pop(scorer.recipe.target.name, None)
    pointer = folder / ".tenure" / "champion.json"
    pointer.parent.mkdir()
    pointer.write_text(json.dumps({"name": "benchmark", "version": "1", "release": str(release.absolute())}))
    return Served(pointer, found, list(scorer.feature_names))


def no_op_command(served: Served, port: int) -> list[str]:
    return [sys.executable, "-c", NO_OP, str(port), "\x1f".join(served.columns)]


def our_command(served: Served, port: int, journal: Path | None) -> list[str]:
    return [sys.executable, "-c", OURS, str(port), str(served.pointer), str(journal or "")]


def free_port() -> int:
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def running(
    command: list[str], port: int, asks_ping: bool = False
) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    """Start a server; yield its process and the seconds from its start to /readyz answering 200."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    started = time.perf_counter()
    with subprocess.Popen(command, env=environment) as process:
        try:
            while not is_ready(port, b"/ping" if asks_ping else b"/readyz"):
                if process.poll() is not None:
                    raise SystemExit(f"a server ended: {command[:2]}")
                time.sleep(0.001)
            yield process, time.perf_counter() - started
        finally:
            process.terminate()


def is_ready(port: int, path: bytes = b"/readyz") -> bool:
    try:
        with closing(socket.create_connection(("127.0.0.1", port), 1.0)) as connection:
            connection.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            return connection.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def cpu_seconds(process: subprocess.Popen[bytes]) -> float:
    """The processor time a process has used so far (Linux)."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
