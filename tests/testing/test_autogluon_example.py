"""AutoGluon as a candidate. It needs pandas 2, so these tests run in an environment of their own, or are skipped."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import tenure
from tenure.release.scorer import Scorer
from tenure.testing import check_candidate
from tests.builders import make_table

pytest.importorskip("autogluon.tabular", reason="AutoGluon is not installed (it needs pandas < 3)")
sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "autogluon"))


@pytest.mark.slow
def test_it_keeps_every_promise():
    from tenure_autogluon import AutoGluon

    check_candidate(AutoGluon())


def test_its_ensemble_is_released_as_trees_and_explained(tmp_path: Path):
    raw = make_table(300)
    X, y = raw.drop("churn", "customer"), raw["churn"]
    model = tenure.Classifier(candidates=["tenure_autogluon:AutoGluon"], trials=1, threads=1).fit(X, y)
    scorer = Scorer.load(model.save(tmp_path / "m"))
    assert np.array_equal(scorer.score_table(X).probabilities, model.predict_proba(X))
    assert {path.suffix for path in (tmp_path / "m").iterdir()} <= {".json", ".txt", ".md"}
