"""Recall and false alarms of the leakage gate: clean tables, with each kind of leak planted, three seeds.

    python benchmarks/leakage.py [DATA] [--rows 8000] [--seeds 3] [--tables telco,adult] [--misses] [--json]

DATA is the folder of the real tables ($TENURE_DATA). A leak counts as found when the gate names the planted
column (or, for a table's own leak, gives one of its codes). Clean columns are all others, with and without a
leak beside them. Exits with 1 below a recall of 95 %, above 1 % of clean columns flagged, or with any clean
column found critical.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from leakage_plants import CLASS_PLANTS, NUMBER_PLANTS, Clean, Planted
from tenure.prepare.columns import settle, target_values
from tenure.prepare.leakage import Findings, check_leakage
from tenure.prepare.learn import learn_recipe
from tenure.prepare.recipe import Recipe
from tenure.prepare.sift import sift
from tenure.prepare.split import LEFT_OUT, PART
from tenure.prepare.typed import typed_columns

# its arms were drawn by lot: no column knows anything of the target, so there is nothing for a model to put out
CLEAN_ONLY = ("hillstrom segment",)
REAL = {
    "telco": ("telco.csv", "Churn", ["customerID"]),
    "telecom5000": ("telecom5000.csv", "churn", []),
    "telecom3333": ("telecom3333.csv", "churn", []),
    "bankchurners": ("bankchurners.csv", "Attrition_Flag", "Naive_Bayes"),
    "adult": ("adult.csv.gz", "income", []),
    "credit_default": ("credit_default.csv", "default.payment.next.month", []),
    "electricity": ("electricity.csv.gz", "Class", []),
    "hillstrom visit": ("hillstrom.csv.gz", "visit", ["conversion", "spend"]),
    "income category": ("bankchurners.csv", "Income_Category", "Naive_Bayes"),
    "hillstrom segment": ("hillstrom.csv.gz", "segment", ["visit", "conversion", "spend"]),
    "adult hours": ("adult.csv.gz", "hours-per-week", []),
    "credit limit": ("credit_default.csv", "LIMIT_BAL", []),
}


def real_tables(folder: Path, rows: int, wanted: set[str]) -> Iterator[tuple[str, pl.DataFrame, str]]:
    """Name, raw table of at most so many rows, target."""
    for name, (file, target, aside) in REAL.items():
        if wanted and name not in wanted:
            continue
        raw = pl.read_csv(folder / file, infer_schema=False)
        drop = [c for c in raw.columns if c.startswith(aside)] if isinstance(aside, str) else aside
        raw = raw.drop([c for c in drop if c != "customerID"])
        step = max(1, raw.height // rows)
        yield name, raw.gather_every(step).head(rows), target


def toy_tables(wanted: set[str]) -> Iterator[tuple[str, pl.DataFrame, str]]:
    """Tables that scikit-learn ships or generates: only clean."""
    from sklearn import datasets

    loads = {
        n: getattr(datasets, f"load_{n}") for n in ("wine", "iris", "breast_cancer", "digits", "diabetes")
    }
    made = {name: load() for name, load in loads.items()}
    tables = {name: (bunch.data, bunch.target) for name, bunch in made.items()}
    tables["setosa or not"] = (made["iris"].data, (made["iris"].target == 0).astype(int))
    for seed in range(6):
        tables[f"classification {seed}"] = datasets.make_classification(2000, random_state=seed)
        tables[f"four classes {seed}"] = datasets.make_classification(
            2000, n_classes=4, n_informative=6, class_sep=1.5, random_state=seed
        )
        tables[f"regression {seed}"] = datasets.make_regression(
            2000, 10, n_informative=5, noise=5, random_state=seed
        )
    tables["friedman"] = datasets.make_friedman1(2000, random_state=0)
    for name, (X, y) in tables.items():
        if not wanted or name in wanted:
            frame = pl.DataFrame(X, schema=[f"x{k}" for k in range(X.shape[1])], orient="row")
            # sorted by class as they come, which is a finding of its own
            order = np.random.default_rng(0).permutation(len(y))
            yield name, frame.with_columns(target=pl.Series(y))[order].cast(pl.String), "target"


@dataclass(frozen=True)
class Split:
    """What the gate is shown: recipe and rows as they are kept."""

    recipe: Recipe
    rows: pl.LazyFrame


def split(raw: pl.DataFrame, target: str, seed: int, id: str | None = None, **columns: str) -> Split:
    """Split and learn as `tenure prepare` does."""
    sifted = sift(raw.lazy(), raw.height, target=target, seed=seed, id=id, **columns)
    recipe = learn_recipe(sifted.training, sifted.target, id=id, **columns)
    typed = raw.select(typed_columns(recipe, raw.schema)).with_columns(pl.Series(PART, sifted.parts))
    return Split(recipe, typed.filter(pl.col(PART) != LEFT_OUT).lazy())


def as_clean(name: str, raw: pl.DataFrame, target: str) -> Clean:
    """The table with what the plants need of it: the target as numbers, features as a matrix."""
    prepared = split(raw, target, 0)
    raw = prepared.rows.drop(PART).collect()
    y = target_values(prepared.recipe.target, raw[target])
    features = settle(prepared.recipe, prepared.rows).collect()
    identifiers = tuple(c.name for c in prepared.recipe.columns if c.kind == "identifier")
    words = [c.name for c in prepared.recipe.features if c.kind == "category" and len(c.levels) < 30]
    numbers = [c.name for c in prepared.recipe.features if c.kind not in ("category", "text")]
    matrix = features.select([*words, *numbers]).to_dummies(words).cast(pl.Float64).fill_null(0.0).to_numpy()
    return Clean(name, raw, target, y, len(prepared.recipe.target.classes), matrix, identifiers)


class Tally:
    """What was planted, found and wrongly flagged."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], list[bool]] = defaultdict(list)
        self.critical: dict[tuple[str, str], list[bool]] = defaultdict(list)
        self.clean_columns: dict[str, int] = defaultdict(int)
        self.flagged: dict[str, int] = defaultdict(int)
        self.wrongly_critical = 0
        self.misses: list[str] = []

    def add(
        self,
        place: str,
        findings: Findings,
        prepared: Split,
        planted: Planted | None,
        kind: tuple[str, str],
    ) -> None:
        columns = set(planted.columns) if planted else set()
        if planted:
            hits = [
                f for f in findings.found if f.code in planted.codes and (f.column in columns or not columns)
            ]
            named = {f.column for f in hits}
            is_found = bool(hits) and columns <= named
            self.found[kind].append(is_found)
            self.critical[kind].append(any(f.severity == "critical" for f in hits))
            if not is_found:
                self.misses.append(f"missed: {place} {kind} {columns}")
        self.clean_columns[place] += len([c for c in prepared.recipe.columns if c.name not in columns])
        wrong = [f for f in findings.found if f.column is not None and f.column not in columns]
        if planted is None or columns:
            wrong += [f for f in findings.found if f.column is None and f.code != "L502"]
        self.flagged[place] += len(wrong)
        self.wrongly_critical += sum(f.severity == "critical" for f in wrong)
        self.misses += [f"false: {place} {kind}: {f}" for f in wrong]


def main() -> int:
    """Plant, look, count, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="?", default=os.environ.get("TENURE_DATA", "../shared/data"))
    parser.add_argument("--rows", type=int, default=8000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--tables", default="")
    parser.add_argument("--misses", action="store_true")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    wanted = {name for name in args.tables.split(",") if name}
    tally, alone, started = Tally(), Tally(), time.perf_counter()
    for name, raw, target in toy_tables(wanted):
        for seed in range(args.seeds):
            prepared = split(raw, target, seed)
            alone.add(name, check_leakage(prepared.recipe, prepared.rows), prepared, None, ("", ""))
    for name, raw, target in real_tables(Path(args.data), 10**9, wanted):
        for seed in range(args.seeds):
            prepared = split(raw, target, seed)
            alone.add(name, check_leakage(prepared.recipe, prepared.rows), prepared, None, ("", ""))
    for name, raw, target in real_tables(Path(args.data), args.rows, wanted):
        if name in CLEAN_ONLY:
            continue
        table = as_clean(name, raw, target)
        plants = CLASS_PLANTS if table.n_classes else NUMBER_PLANTS
        for group, members in plants.items():
            for strength, plant in members.items():
                for seed in range(args.seeds):
                    planted = plant(table, np.random.default_rng([seed, len(strength)]))
                    prepared = split(planted.raw, target, seed, **planted.data)
                    findings = check_leakage(prepared.recipe, prepared.rows, serving=planted.serving)
                    tally.add(name, findings, prepared, planted, (group, strength))
    return report(tally, alone, time.perf_counter() - started, args)


def report(tally: Tally, alone: Tally, seconds: float, args: argparse.Namespace) -> int:
    """Print the tables; the exit code."""
    n_clean, n_flagged = sum(alone.clean_columns.values()), sum(alone.flagged.values())
    n_beside, n_beside_flagged = sum(tally.clean_columns.values()), sum(tally.flagged.values())
    every = [hit for hits in tally.found.values() for hit in hits]
    recall = float(np.mean(every)) if every else 1.0
    wrongly_critical = alone.wrongly_critical + tally.wrongly_critical
    if args.misses:
        print("\n".join(alone.misses + tally.misses), file=sys.stderr)
    if args.json:
        rows = {f"{a}: {b}": [float(np.mean(h)), len(h)] for (a, b), h in tally.found.items()}
        print(json.dumps({"recall": recall, "by kind": rows, "clean": n_clean, "flagged": n_flagged}))
    else:
        print("| kind | strength | planted | found | critical |\n| --- | --- | --- | --- | --- |")
        for (group, strength), hits in tally.found.items():
            stops = tally.critical[group, strength]
            print(f"| {group} | {strength} | {len(hits)} | {np.mean(hits):.1%} | {np.mean(stops):.1%} |")
        print(f"\nall kinds: {sum(every)} of {len(every)} found, {recall:.1%}")
        print(f"clean tables: {n_flagged} of {n_clean} columns flagged, {n_flagged / max(1, n_clean):.2%}")
        beside = f"{n_beside_flagged} of {n_beside} flagged, {n_beside_flagged / max(1, n_beside):.2%}"
        print(f"clean columns beside a leak: {beside}")
        print(f"clean columns found critical: {wrongly_critical}")
        print(f"{seconds:.0f} s")
    n_all, flagged_all = n_clean + n_beside, n_flagged + n_beside_flagged
    return int(
        recall < 0.95 or flagged_all > 0.01 * n_all or n_flagged > 0.01 * n_clean or wrongly_critical > 0
    )


if __name__ == "__main__":
    sys.exit(main())
