"""The five families and the example of a plug-in keep every promise; a broken candidate is caught by each check."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tenure
from tenure.config.candidates import check_candidate_name
from tenure.errors import TenureError
from tenure.model.candidates import candidate_named
from tenure.model.candidates.forest import Forest
from tenure.model.candidates.logistic import Logistic
from tenure.model.settings import FAMILIES
from tenure.testing import CHECKS, PromiseBroken, check_candidate
from tests.builders import make_table

EXAMPLE = Path(__file__).parents[2] / "examples" / "hist_gradient_boosting"
PLUGIN = "tenure_histgb:HistGradientBoosting"


@pytest.fixture(autouse=True)
def _example(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(EXAMPLE)
    monkeypatch.setattr("tenure.model.candidates.forest.TREES", 40)


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_plug_in_keeps_every_promise(check):
    check(candidate_named(PLUGIN), "regression")


@pytest.mark.slow
@pytest.mark.parametrize("name", [*FAMILIES, PLUGIN])
def test_every_candidate_keeps_every_promise_on_every_task(name: str):
    check_candidate(candidate_named(name))


class Pickled(Forest):
    """Its document is no document."""

    def fit(self, *args, **kwargs):
        fitted = super().fit(*args, **kwargs)

        class Broken:
            rounds, output = fitted.rounds, fitted.output

            def margins(self, part, rounds=None):
                return fitted.margins(part)

            def document(self, train, rounds=None):
                return b"\x80\x04"

        return Broken()


class Shifted(Forest):
    """Its document is another model's."""

    def fit(self, train, params, context, **kwargs):
        fitted, other = (
            super(Shifted, self).fit(part, params, context, **kwargs) for part in (train, _turned(train))
        )

        class Broken:
            rounds, output = fitted.rounds, fitted.output

            def margins(self, part, rounds=None):
                return fitted.margins(part)

            def document(self, train, rounds=None):
                return other.document(train)

        return Broken()


class Timeless(Logistic):
    """It never looks at the clock."""

    def fit(self, train, params, context, **kwargs):
        calm = type(context)(context.facts, context.seed, context.threads)
        return super().fit(train, params, calm, **kwargs)


class Moody(Forest):
    """Its seed is its own."""

    def fit(self, train, params, context, **kwargs):
        seed = int(np.random.default_rng().integers(2**31))
        return super().fit(train, params, type(context)(context.facts, seed, 1, context.deadline), **kwargs)


def _turned(part):
    return type(part)(part.X, part.y[::-1].copy())


@pytest.mark.parametrize(
    ("candidate", "check"),
    [
        (Pickled(), "check_the_document_is_plain_data"),
        (Shifted(), "check_the_document_scores_as_the_model_does"),
        (Timeless(), "check_the_deadline_is_kept"),
        (Moody(), "check_equal_seeds_give_equal_documents"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_broken_promise_is_told_by_its_check(candidate, check: str):
    with pytest.raises(PromiseBroken):
        next(c for c in CHECKS if c.__name__ == check)(candidate, "binary")


@pytest.mark.slow
def test_a_plug_in_is_trained_blended_released_and_scored_without_it(tmp_path: Path):
    raw = make_table(300)
    X, y = raw.drop("churn", "customer"), raw["churn"]
    model = tenure.Classifier(candidates=[PLUGIN, "logistic"], trials=3, threads=1).fit(X, y)
    assert {entry["family"] for entry in model.leaderboard_} == {PLUGIN, "logistic"}
    alone = tenure.Classifier(candidates=[PLUGIN], trials=1, threads=1).fit(X, y)
    folder = alone.save(tmp_path / "m")
    X.write_parquet(tmp_path / "rows.parquet")
    code = (
        "import sys, polars as pl; from pathlib import Path; from tenure.release.scorer import Scorer\n"
        f"rows = pl.read_parquet({str(tmp_path / 'rows.parquet')!r})\n"
        f"t = Scorer.load(Path({str(folder)!r})).score_table(rows)\n"
        "assert not {'sklearn', 'tenure_histgb'} & set(sys.modules); print(repr(t.probabilities[:, 1].tolist()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == repr(alone.predict_proba(X)[:, 1].tolist())


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nowhere:Model", "(?s)cannot be imported.*PYTHONPATH"),
        ("tenure_histgb:Nothing", "cannot be imported"),
        ("tenure_histgb:Facts", "."),
        ("tests.testing.test_candidates:Pickled", "breaks its promise: its document is a bytes"),
    ],
)
def test_what_is_no_candidate_is_refused_with_what_to_do(name: str, words: str):
    raw = make_table(120)
    with pytest.raises((TenureError, TypeError), match=words):
        tenure.Classifier(candidates=[name], trials=1).fit(raw.drop("churn", "customer"), raw["churn"])


def test_a_config_names_families_plug_ins_and_paths():
    assert check_candidate_name("catboost") == "catboost"
    assert check_candidate_name(PLUGIN) == PLUGIN
    with pytest.raises(ValueError, match="did you mean 'xgboost'"):
        check_candidate_name("xgbost")


@pytest.mark.slow
def test_an_installed_plug_in_is_called_by_its_name(tmp_path: Path):
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--target"]
    subprocess.run([*pip, str(tmp_path), str(EXAMPLE)], check=True)
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from tenure.config.candidates import check_candidate_name\n"
        "from tenure.model.candidates import candidate_named\n"
        "name = check_candidate_name('hist_gradient_boosting'); print(candidate_named(name).name)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "hist_gradient_boosting"
