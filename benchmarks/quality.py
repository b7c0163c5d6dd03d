"""Quality against AutoGluon, FLAML and CatBoost with its defaults, on real tables, by one fixed protocol.

    python benchmarks/quality.py --results FILE            # runs what FILE has not got yet, then reports
    python benchmarks/quality.py --results FILE --report   # only reports, as Markdown

A table is split 80:20, stratified, by a frozen generator. Every tool gets the 80 as a raw CSV file and scores the
20. AutoGluon (medium_quality), FLAML and tenure have 60 seconds, CatBoost is as it comes; autogluon_best
(best_quality, 300 seconds) runs where --tools names it. tenure is run by its command line in an empty folder; it
sets a fifth of the 80 aside as its own test part and never learns from it, where its peers learn from all of the 80.

Each tool runs in a process of its own, each peer in an environment of its own, which is made under --cache at first
use. Seeds are the outer loop, then tables, then tools, so that after an interruption whole blocks are there to
compare. A finished entry is one line of FILE, its probabilities a file in FILE.rows/; the next call goes on from
there. Entries of tenure belong to the commit of the code: after a change only they are run again.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from quality_report import report
from quality_tables import TABLES, write_split
from quality_tools import PEERS, TENURE, Answer, commit, run_tool
from tenure.release.metrics import metrics_for

USUAL = (TENURE, "autogluon", "flaml", "catboost")
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "tenure-benchmarks"


def entries(results: Path) -> list[dict[str, Any]]:
    """Finished entries; a line that was cut off by a kill is left out."""
    found = []
    for line in results.read_text().splitlines() if results.exists() else []:
        try:
            found.append(json.loads(line))
        except ValueError:
            print(f"a cut line of {results.name} is left out", file=sys.stderr)
    return found


def key(entry: dict[str, Any]) -> tuple[Any, ...]:
    return (entry["set"], entry["seed"], entry["tool"], entry["budget"], entry["commit"])


def wanted(options: argparse.Namespace, now: str) -> Iterator[dict[str, Any]]:
    for seed in options.seeds:
        for name in options.sets:
            for tool in options.tools:
                yield {
                    "set": name,
                    "seed": seed,
                    "tool": tool,
                    "budget": options.budget,
                    "commit": now if tool == TENURE else None,
                }


def run_all(options: argparse.Namespace) -> int:
    """Run what is not finished; return how many failed."""
    done, failed = {key(e) for e in entries(options.results)}, 0
    for entry in wanted(options, commit()):
        if key(entry) in done:
            continue
        table = TABLES[entry["set"]]
        title = f"{entry['set']} seed {entry['seed']} {entry['tool']}"
        load = os.getloadavg()[0]
        with tempfile.TemporaryDirectory(prefix="quality-") as scratch:
            split = write_split(options.data, table, entry["seed"], Path(scratch))
            try:
                answer = run_tool(entry["tool"], table, split, entry["seed"], options.cache, options.budget)
            except Exception as error:
                print(f"{title} failed, the next call tries again: {error}", file=sys.stderr, flush=True)
                failed += 1
                continue
        finished = keep(options.results, entry, split.y, answer, load)
        print(
            f"{title}: log loss {finished['log_loss']:.4f}, ROC-AUC {finished['roc_auc']:.4f}, "
            f"{answer.seconds:.0f} s, load {load:.1f}",
            file=sys.stderr,
            flush=True,
        )
    return failed


def keep(results: Path, entry: dict[str, Any], y: np.ndarray, answer: Answer, load: float) -> dict[str, Any]:
    """Write the probabilities, then the line that says that the entry is finished."""
    rows = results.with_name(results.name + ".rows")
    rows.mkdir(parents=True, exist_ok=True)
    name = "-".join(str(part) for part in key(entry) if part is not None) + ".npz"
    np.savez_compressed(rows / name, y=y, p=answer.p)
    found = metrics_for("binary", y, answer.p)
    finished = {
        **entry,
        "log_loss": found["log_loss"].value,
        "roc_auc": found["roc_auc"].value,
        "seconds": round(answer.seconds, 2),
        "row_microseconds": answer.row_microseconds and round(answer.row_microseconds, 1),
        "load": round(load, 2),
        "version": answer.version,
        "note": answer.note,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "rows": name,
    }
    with results.open("a") as file:
        file.write(json.dumps(finished) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return finished


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, required=True, help="JSON lines, outside the repository")
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where the peers' environments are made")
    parser.add_argument("--sets", nargs="+", default=list(TABLES), choices=list(TABLES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--tools", nargs="+", default=list(USUAL), choices=[TENURE, *PEERS])
    parser.add_argument("--budget", type=float, help="seconds for every tool, instead of each one's own")
    parser.add_argument("--report", action="store_true", help="run nothing")
    options = parser.parse_args()
    options.results.parent.mkdir(parents=True, exist_ok=True)
    failed = 0 if options.report else run_all(options)
    chosen = [
        e
        for e in entries(options.results)
        if e["set"] in options.sets
        and e["seed"] in options.seeds
        and e["tool"] in options.tools
        and e["budget"] == options.budget
    ]
    print(report(chosen, options.results.with_name(options.results.name + ".rows")))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
