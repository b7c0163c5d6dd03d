"""Small real projects that the tests of this folder go round the circle with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tenure.project import Project
from tenure.project.folder import Folder
from tenure.project.setup import Request, create_project
from tenure.simulate.telecom import TelecomWorld, simulate

FAST = "  trials: 3\n  generate_features: false\n"


def quick(root: Path, candidates: str = "[logistic, lightgbm]") -> Project:
    """The project in root, with a search that is short and does not look at the clock."""
    path = root / "tenure.yaml"
    text = path.read_text().replace("[logistic, forest, xgboost, lightgbm, catboost]", candidates)
    path.write_text(text.replace("  budget: 120s ", FAST + "  budget: 120s "))
    return Project.open(str(root))


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> TelecomWorld:
    return simulate(tmp_path_factory.mktemp("world"), customers=1500, months=2, scenario="price_rise", seed=1)


@pytest.fixture
def telecom(world: TelecomWorld, tmp_path: Path) -> Callable[[str], Project]:
    """Make a project on the simulated customers."""

    def make(name: str) -> Project:
        root = tmp_path / name / "telecom"
        create_project(Folder(root), Request(str(world.customers), "churned", "yes", "customer_id"))
        return quick(root)

    return make


@pytest.fixture(scope="session")
def toy_tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The multiclass and the regression table that scikit-learn ships, as CSV files."""
    from sklearn.datasets import load_diabetes, load_wine

    folder = tmp_path_factory.mktemp("toys")
    paths = {}
    for name, load in {"wine": load_wine, "diabetes": load_diabetes}.items():
        data = load()
        table = pl.DataFrame(data.data, schema=[c.replace("/", "_") for c in data.feature_names])
        paths[name] = folder / f"{name}.csv"
        table.with_columns(target=pl.Series(data.target)).write_csv(paths[name])
    return paths


@pytest.fixture(scope="session")
def loans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An unfair world: what is written of group b understates what it does, and the model goes by what is written."""
    rng = np.random.default_rng(0)
    n = 3000
    group = np.array(["a", "b"])[rng.integers(0, 2, n)]
    worth = rng.normal(size=n)
    seen = worth - 1.2 * (group == "b") + rng.normal(0, 0.3, n)
    y = np.where(worth + rng.normal(0, 0.5, n) > 0.3, "yes", "no")
    near = np.where(rng.random(n) < 0.9, group, "a")
    path = tmp_path_factory.mktemp("loans") / "loans.csv"
    table = {
        "group": group,
        "seen": seen.round(4),
        "near": near,
        "noise": rng.normal(size=n).round(3),
        "repaid": y,
    }
    pl.DataFrame(table).write_csv(path)
    return path
