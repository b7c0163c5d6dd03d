"""Whether generated features are worth their time: whole trainings with and without, on real tables.

    python benchmarks/generated_features.py DATA [--tables telco adult] [--seeds 0 1] [--budget 30 | --trials 5]

DATA is a folder with the tables. Each is prepared as `tenure run` does it, by seed, and trained twice within the same
budget, `model.generate_features` off and on. Printed: log loss on the test rows of both, the gain (positive: on is
better) with its paired 95 % interval, what was kept with its own gain and cost, and the share of the budget that
judging took. With --trials the clock has no say: the seconds of judging are printed, and a table for which nothing is
kept is not trained, because both models would be the same. The last line is the mean over all.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tenure.project import Project
from tenure.project.folder import Folder
from tenure.project.generating import describe_features, find_features, with_generated
from tenure.project.preparing import prepare
from tenure.project.setup import Request, create_project
from tenure.project.tables import make_tables
from tenure.project.training import fit, with_overrides
from tenure.release.metrics import compare, metric_value

LEAKS = tuple(  # another model's output on the target
    "Naive_Bayes_Classifier_Attrition_Flag_Card_Category_Contacts_Count_12_mon_Dependent_count_Education_Level_"
    f"Months_Inactive_12_mon_{k}"
    for k in (1, 2)
)


@dataclass(frozen=True)
class Table:
    file: str
    target: str
    positive: str
    id: str | None = None
    exclude: tuple[str, ...] = ()


TABLES = {
    "telco": Table("telco.csv", "Churn", "Yes", "customerID"),
    "telecom5000": Table("telecom5000.csv", "churn", "yes", "rownames"),
    "bankchurners": Table("bankchurners.csv", "Attrition_Flag", "Attrited Customer", "CLIENTNUM", LEAKS),
    "credit_default": Table("credit_default.csv", "default.payment.next.month", "1", "ID"),
    "adult": Table("adult.csv.gz", "income", ">50K"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--tables", nargs="+", default=list(TABLES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--budget", type=float, default=30.0)
    parser.add_argument("--trials", type=int)
    args = parser.parse_args()
    gains = [
        _measure(name, args.data, seed, args.budget, args.trials)
        for name in args.tables
        for seed in args.seeds
    ]
    print(f"mean gain in log loss over {len(gains)} trainings: {np.mean(gains):+.5f}")


def _measure(name: str, data: Path, seed: int, budget: float, trials: int | None) -> float:
    table = TABLES[name]
    with tempfile.TemporaryDirectory() as place:
        folder = Folder(Path(place) / name)
        source = str((data / table.file).resolve())
        create_project(folder, Request(source, table.target, table.positive, table.id))
        config = with_overrides(Project.open(str(folder.root)).config, budget, seed)
        excluded = config.data.model_copy(update={"exclude": list(table.exclude)})
        settings = {"generate_features": True, "metric": "log_loss", "trials": trials}
        model = config.model.model_copy(update=settings)
        config = config.model_copy(update={"data": excluded, "model": model})
        prepared = prepare(folder, config)
        tables = make_tables(prepared)
        found = find_features(config, prepared, tables.train, tables.validation)
        if trials and not found.features:
            print(f"{name:<14} seed {seed}  nothing kept, in {found.seconds:.1f} s", flush=True)
            return 0.0
        without = fit(config, prepared, tables).scores(tables.test)
        richer = with_generated(prepared, found.features)
        wider = make_tables(richer)
        left = with_overrides(config, budget - found.seconds, None)
        with_them = fit(left, richer, wider).scores(wider.test)
        y = tables.test.y
        gain = compare("binary", y, without, with_them, "log_loss")
        losses = [metric_value("binary", y, scores, "log_loss") for scores in (without, with_them)]
        print(
            f"{name:<14} seed {seed}  off {losses[0]:.5f}  on {losses[1]:.5f}  "
            f"gain {gain.value:+.5f} [{gain.low:+.5f}, {gain.high:+.5f}]  "
            + (
                f"judging took {found.seconds:.1f} s"
                if trials
                else f"judging took {found.seconds / budget:.1%} of the budget"
            ),
            flush=True,
        )
        for feature in describe_features(richer, found.features):
            value = feature["gain"]
            print(
                f"    {feature['name']}: gain {value['value']:.5f} [{value['low']:.5f}, {value['high']:.5f}], "
                f"{feature['microseconds']} µs a row"
            )
        for warning in found.warnings:
            print(f"    {warning}")
    return gain.value


if __name__ == "__main__":
    main()
