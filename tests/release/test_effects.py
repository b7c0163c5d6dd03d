"""Effects add up to the score, agree with the integral they stand for, and read well."""

from __future__ import annotations

import numpy as np
import pytest

from tenure.release.calibration import Calibration
from tenure.release.effects import Cell, effect_text, explain, score_effects, sum_by_column

KINDS = [
    Calibration("binary", 2),
    Calibration("binary", 2, kind="sigmoid", slope=1.3, intercept=-0.2),
    Calibration("multiclass", 3),
    Calibration("multiclass", 3, kind="softmax", slope=0.7, biases=(0.1, -0.2, 0.0)),
    Calibration("regression", 0),
]
FOREST_KINDS = [
    Calibration("binary", 2, output="probability"),
    Calibration("binary", 2, kind="sigmoid", output="probability", slope=0.8, intercept=0.1),
    Calibration("multiclass", 3, output="probability"),
    Calibration("multiclass", 3, kind="softmax", output="probability", slope=0.7, biases=(0.1, -0.2, 0.0)),
]


def make_contributions(calibration: Calibration, n_rows: int = 400, d: int = 7) -> np.ndarray:
    rng = np.random.default_rng(5)
    phi = rng.normal(size=(n_rows, calibration.n_outputs, d + 1))
    phi[:, :, :-1] *= 10.0 ** rng.integers(-9, 2, (n_rows, 1, 1))
    phi[:, :, -1] = phi[0, :, -1]
    phi[:2, :, :-1] = 0.0
    if calibration.output == "probability":
        base = np.full(calibration.n_outputs, 1 / max(2, calibration.n_outputs))
        reached = rng.dirichlet(np.full(3, 0.3), n_rows)[:, : calibration.n_outputs]
        shares = rng.dirichlet(np.ones(d), n_rows)[:, None, :]
        phi[:, :, :-1] = shares * (reached - base)[:, :, None]
        phi[:, :, -1] = base
    return phi


@pytest.mark.parametrize("calibration", KINDS + FOREST_KINDS, ids=lambda c: f"{c.task}-{c.kind}-{c.output}")
def test_effects_add_up_to_the_score(calibration):
    phi = make_contributions(calibration)
    margins = phi.sum(axis=2)
    found = score_effects(calibration, phi, margins)
    probabilities = calibration.probabilities(margins)
    expected = {"binary": lambda: probabilities[:, 1], "multiclass": lambda: probabilities.max(axis=1)}
    np.testing.assert_array_equal(found.scores, expected.get(calibration.task, lambda: margins[:, 0])())
    total = found.base + found.effects.sum(axis=1)
    scale = 1.0 if calibration.task != "regression" else np.abs(phi).sum(axis=(1, 2)).max()
    np.testing.assert_allclose(total, found.scores, rtol=0, atol=1e-13 * scale)


@pytest.mark.parametrize("calibration", KINDS[:4], ids=lambda c: f"{c.task}-{c.kind}")
def test_effects_are_the_integral_along_the_straight_path(calibration):
    phi = make_contributions(calibration, n_rows=30)
    margins = phi.sum(axis=2)
    found = score_effects(calibration, phi, margins)
    chosen = 1 if calibration.task == "binary" else calibration.probabilities(margins).argmax(axis=1)
    steps, rows = 500, np.arange(30)
    expected = np.zeros_like(found.effects)
    start = phi[:, :, -1]
    for output in range(phi.shape[1]):
        nudge = np.zeros(phi.shape[1])
        nudge[output] = 1e-6
        for t in (np.arange(steps) + 0.5) / steps:
            point = start + t * (margins - start)
            above, below = (calibration.probabilities(point + sign * nudge)[rows, chosen] for sign in (1, -1))
            expected += ((above - below) / 2e-6 / steps)[:, None] * phi[:, output, :-1]
    np.testing.assert_allclose(found.effects, expected, atol=0.01 * np.abs(expected).max() + 1e-9)


def test_short_paths_keep_their_digits():
    phi = np.array([[[3e-9, -1e-9, 0.7]], [[1.0, -1.0 + 1e-12, 0.7]]])
    found = score_effects(Calibration("binary", 2), phi, phi.sum(axis=2))
    p = 1 / (1 + np.exp(-0.7))
    np.testing.assert_allclose(found.effects, phi[:, 0, :-1] * p * (1 - p), rtol=1e-6)


def test_encoded_features_are_summed_to_their_column():
    effects = np.array([[0.1, 0.2, 0.4], [1.0, 2.0, 4.0]])
    np.testing.assert_allclose(sum_by_column(effects, [1, 0, 1], 3), [[0.2, 0.5, 0], [2, 5, 0]])
    assert (
        sum_by_column(effects[:1], [1, 0, 1], 3).tolist() == sum_by_column(effects, [1, 0, 1], 3)[:1].tolist()
    )


def test_largest_effects_are_listed_and_the_rest_is_summed():
    cells = [Cell("a", 1, False), Cell("b", None, True), Cell("c", "x", False), Cell("d", 0, False)]
    found = explain(0.3, 0.5, [0.05, -0.1, 0.25, 0.0], cells.__getitem__, n=2, outcome="Yes")
    assert [effect.column for effect in found.effects] == ["c", "b"]
    assert found.rest == pytest.approx(0.05)
    assert found.base + sum(e.effect for e in found.effects) + found.rest == pytest.approx(found.score)
    everything = explain(0.3, 0.5, [0.05, -0.1, 0.25, 0.0], cells.__getitem__, n=9, outcome="Yes")
    assert [effect.column for effect in everything.effects] == ["c", "b", "a"]  # d has no effect
    assert explain(
        0.3, 0.5, [0.05, -0.1, 0.25, 0.0], cells.__getitem__, n=0, outcome="Yes"
    ).rest == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("cell", "effect", "outcome", "text"),
    [
        (
            Cell("Contract", "One year", False),
            -0.123,
            "Yes",
            "Contract = One year lowers the chance of Yes by 0.12",
        ),
        (
            Cell("Contract", "", True),
            0.004,
            "Yes",
            "Contract is missing, which raises the chance of Yes by 0.004",
        ),
        (Cell("bmi", 32.1, False), 12.34, None, "bmi = 32.1 raises the prediction by 12.3"),
        (Cell("bmi", 32.0, False), 1234.5, None, "bmi = 32 raises the prediction by 1234"),
        (
            Cell("senior", True, False, ("No", "Yes")),
            1e-5,
            "1",
            "senior = Yes raises the chance of 1 by less than 0.001",
        ),
        (Cell("senior", 1, False, ("0", "1")), 0.5, "1", "senior = 1 raises the chance of 1 by 0.50"),
        (Cell("t", "x \n" * 50, False), 0.5, "1", f"t = {'x ' * 19}x… raises the chance of 1 by 0.50"),
    ],
)
def test_words(cell, effect, outcome, text):
    assert effect_text(cell, effect, outcome) == text
