"""The threshold is the best cut of all, by brute force."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

from tenure.model.threshold import choose_threshold

MEASURES = {"f1": f1_score, "accuracy": accuracy_score, "mcc": matthews_corrcoef}


@pytest.mark.parametrize("rule", MEASURES)
@pytest.mark.parametrize("digits", [1, 9])
def test_no_other_cut_is_better(rule, digits):
    rng = np.random.default_rng(0)
    y = (rng.random(200) < 0.3).astype(float)
    p = np.round(1 / (1 + np.exp(-(rng.normal(size=200) + y))), digits)
    chosen = choose_threshold(y, p, rule)
    best = max(MEASURES[rule](y, p >= cut) for cut in np.append(np.unique(p), 1.1))
    assert MEASURES[rule](y, p >= chosen) == pytest.approx(best, abs=0.005)


def test_a_number_is_taken_as_it_is():
    assert choose_threshold(np.array([0.0, 1.0]), np.array([0.1, 0.9]), 0.3) == 0.3
    with pytest.raises(ValueError, match="between 0 and 1"):
        choose_threshold(np.array([0.0, 1.0]), np.array([0.1, 0.9]), 1.5)


def test_one_class_gives_the_middle():
    assert choose_threshold(np.zeros(4), np.full(4, 0.2)) == 0.5
