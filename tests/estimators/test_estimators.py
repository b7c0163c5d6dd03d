"""What the estimators add to scikit-learn's contract: tables of any make, reasons, and releases without code."""

from __future__ import annotations

import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse

import tenure
from tenure.errors import ReleaseError, TenureError
from tests.builders import TARGETS, make_table

pytestmark = pytest.mark.filterwarnings("ignore:column 'customer' is not used:UserWarning")

SETTINGS = {"candidates": ["logistic", "lightgbm"], "trials": 2, "threads": 1}


class OnlyArrow:
    """A table that speaks Arrow's C interface and nothing else, as a pyarrow.Table or a DuckDB result does."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame = frame

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._frame.__arrow_c_stream__(requested_schema)


def parts(task: str) -> tuple[pl.DataFrame, pl.Series]:
    raw = make_table(300, task=task)  # type: ignore[arg-type]
    return raw.drop(TARGETS[task]), raw[TARGETS[task]]


def fitted(task: str) -> tuple[pl.DataFrame, tenure.Classifier | tenure.Regressor]:
    X, y = parts(task)
    kind = tenure.Regressor if task == "regression" else tenure.Classifier
    return X, kind(**SETTINGS).fit(X, y)


def answers(model: tenure.Classifier | tenure.Regressor, X: object) -> np.ndarray:
    return model.predict_proba(X) if isinstance(model, tenure.Classifier) else model.predict(X)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_saved_model_predicts_the_same_bits(task: str, tmp_path: Path):
    X, model = fitted(task)
    folder = model.save(tmp_path / "churn")
    assert folder == tmp_path / "churn"
    loaded = type(model).load(folder)
    np.testing.assert_array_equal(answers(loaded, X), answers(model, X))
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    np.testing.assert_array_equal(answers(pickle.loads(pickle.dumps(model)), X), answers(model, X))  # noqa: S301
    assert loaded.get_params() == model.get_params()
    assert list(loaded.feature_names_in_) == X.columns
    assert [e["score"] for e in loaded.leaderboard_] == [e["score"] for e in model.leaderboard_]
    before = (folder / "manifest.json").read_text()
    again = loaded.save(tmp_path / "again")
    assert [f.name for f in sorted(folder.iterdir())] == [f.name for f in sorted(again.iterdir())]
    assert all((again / f.name).read_bytes() == f.read_bytes() for f in folder.glob("model.txt"))
    model.save(folder)
    assert (folder / "manifest.json").read_text().split('"created_at"')[0] == before.split('"created_at"')[0]


def test_a_saved_model_is_read_where_its_task_fits_and_nothing_else_is_overwritten(tmp_path: Path):
    _, model = fitted("binary")
    folder = model.save(tmp_path / "churn")
    with pytest.raises(ReleaseError, match=r"tenure\.Classifier\.load reads it"):
        tenure.Regressor.load(folder)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(ReleaseError, match="no release"):
        model.save(tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").exists()


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_effects_sum_to_the_score(task: str):
    X, model = fitted(task)
    told = model.explain(X.head(40))
    scores = answers(model, X.head(40))
    wanted = scores if task == "regression" else scores[:, 1] if task == "binary" else scores.max(axis=1)
    for explanation, score in zip(told, wanted, strict=True):
        assert explanation.score == pytest.approx(score, abs=1e-12)
        total = explanation.base + sum(e.effect for e in explanation.effects) + explanation.rest
        assert total == pytest.approx(score, abs=1e-9)
    assert len(model.explain(X.head(1), n=2)[0].effects) == 2


@pytest.mark.parametrize(
    "make", [pl.DataFrame.lazy, OnlyArrow, lambda f: pd.DataFrame(f.to_dict(as_series=False))]
)
def test_one_table_in_any_make_gives_one_model(make):
    X, y = parts("binary")
    expected = tenure.Classifier(**SETTINGS).fit(X, y)
    table = make(X)
    model = tenure.Classifier(**SETTINGS).fit(table, y.to_list())
    np.testing.assert_array_equal(model.predict_proba(table), expected.predict_proba(X))
    assert list(model.feature_names_in_) == X.columns


@pytest.mark.filterwarnings("ignore:M301")
def test_pandas_columns_of_every_kind_are_taken():
    rng = np.random.default_rng(0)
    n = 200
    frame = pd.DataFrame(
        {
            "float": np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n)),
            "nullable": pd.array([None if k % 9 == 0 else k % 50 for k in range(n)], dtype="Int64"),
            "half": rng.normal(size=n).astype(np.float16),
            "flag": pd.array([None if k % 11 == 0 else bool(k % 2) for k in range(n)], dtype="boolean"),
            "level": pd.Categorical(rng.choice(["a", "b", "c"], n)),
            "when": pd.date_range("2024-01-01", periods=n, freq="37h"),
            "zoned": pd.date_range("2024-01-01", periods=n, freq="11h", tz="Europe/Berlin"),
            "mixed": [1 if k % 3 == 0 else "one" for k in range(n)],
        }
    )
    y = (frame["float"].fillna(0) + (frame["level"] == "a") > 0.3).to_numpy()
    model = tenure.Classifier(**SETTINGS).fit(frame, y)
    assert model.classes_.dtype == bool
    assert model.score(frame, y) > 0.8
    kinds = {c.name: c.kind for c in model.model_.recipe.columns}
    assert kinds == {
        "float": "number",
        "nullable": "integer",
        "half": "number",
        "flag": "boolean",
        "level": "category",
        "when": "date",
        "zoned": "date",
        "mixed": "category",
    }


@pytest.mark.parametrize("labels", [["no", "yes"], [0, 1], [1.0, 2.0], ["a", "A"], [False, True]])
def test_classes_keep_their_type(labels: list[object], tmp_path: Path):
    X, _ = parts("binary")
    y = np.array(labels)[(X["months"] > 30).cast(pl.Int64).to_numpy()]
    model = tenure.Classifier(candidates=["logistic"], trials=1).fit(X, y)
    loaded = tenure.Classifier.load(model.save(tmp_path / "m"))
    assert loaded.classes_.dtype == y.dtype == loaded.predict(X).dtype
    np.testing.assert_array_equal(loaded.classes_, model.classes_)
    assert np.mean(loaded.predict(X) == y) > 0.9


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda X, y: (sparse.csr_array(np.eye(300)), y), TypeError, "[Ss]parse"),
        (lambda X, y: (X.with_columns(months=pl.lit(float("inf"))), y), ValueError, "infinity.*'months'"),
        (lambda X, y: (X, ["same"] * 300), ValueError, "at least 2 classes.*'same'"),
        (lambda X, y: (X.select(pl.lit("x").alias("a")).head(0), []), ValueError, "0 sample"),
        (lambda X, y: (X.head(200), y), ValueError, "inconsistent"),
        (
            lambda X, y: (X.select(pl.lit(1.0).repeat_by(2).alias("list"), "months"), y),
            ValueError,
            "single values",
        ),
    ],
)
def test_what_cannot_be_learned_from_is_a_value_error_with_the_reason(change, error, words):
    X, y = change(*parts("binary"))
    with pytest.raises(error, match=words):
        tenure.Classifier(**SETTINGS).fit(X, y)


def test_our_own_errors_are_value_errors_too():
    X, y = parts("binary")
    with pytest.raises(ValueError, match="does not fit the task binary") as caught:
        tenure.Classifier(metric="rmse", **SETTINGS).fit(X, y)
    assert isinstance(caught.value, TenureError)
    assert caught.value.todo is not None


def test_a_column_that_is_not_used_and_a_cell_that_cannot_be_read_are_told():
    X, y = parts("binary")
    with pytest.warns(UserWarning, match="column 'customer' is not used"):
        model = tenure.Classifier(**SETTINGS).fit(X, y)
    with pytest.warns(UserWarning, match=r"1 cell\(s\) of X cannot be read.*'charges'"):
        model.predict(X.head(3).with_columns(charges=pl.Series(["12.5", "much", None])))


def test_a_budget_is_kept_and_the_leaderboard_tells_what_was_tried():
    X, y = parts("binary")
    model = tenure.Classifier(budget="4s", candidates=["logistic", "lightgbm"], generate_features=False).fit(
        X, y
    )
    best, *rest = model.leaderboard_
    assert set(best) == {"family", "params", "state", "score", "loss", "rounds", "seconds"}
    assert 0.5 < best["score"] <= 1.0
    assert all(other["score"] is None or other["score"] <= best["score"] for other in rest)
    assert {entry["family"] for entry in model.leaderboard_} == {"logistic", "lightgbm"}


def test_importing_tenure_stays_light():
    code = (
        "import sys, tenure; assert not {'sklearn', 'polars', 'numpy'} & set(sys.modules); tenure.Classifier"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_fitting_in_threads_leaves_the_warnings_of_the_process_as_they_are():
    X, y = parts("binary")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        before = warnings.filters[:]
        tenure.Classifier(candidates=["logistic"], trials=6, threads=2).fit(X, y)
        assert warnings.filters == before
    assert any("'customer' is not used" in str(warning.message) for warning in told)
