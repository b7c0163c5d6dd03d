"""The winner is the best on held-out rows; where noise cannot tell, the one of the lowest loss."""

from __future__ import annotations

import numpy as np

from tenure.model.candidates.base import Facts
from tenure.model.choose import HeldOut, blend_of, choose_winner, single
from tenure.model.workbench import Result, Trial

N = 600
SIGNAL = np.random.default_rng(0).normal(0, 1.5, N)
Y = (np.random.default_rng(1).random(N) < 1 / (1 + np.exp(-SIGNAL))).astype(float)


def held_out(group: np.ndarray | None = None) -> HeldOut:
    return HeldOut(Facts("binary", 2, N, 4), Y, np.arange(N), group=group)


def result(family: str, margins: np.ndarray, rounds: int = 100) -> Result:
    trial = Trial(family, {}, "complete", rounds=rounds)
    return Result(trial, margins.reshape(-1, 1), np.zeros(N))


def noisy(seed: int, error: float) -> np.ndarray:
    return SIGNAL + np.random.default_rng(seed).normal(0, error, N)


def test_what_is_surely_better_by_the_metric_wins_whatever_its_loss():
    quiet, loud = result("lightgbm", 0.1 * noisy(2, 3.0)), result("xgboost", 9.0 * SIGNAL)
    assert held_out().loss(single(quiet)) < held_out().loss(single(loud))
    assert choose_winner(held_out(), [quiet, loud], "roc_auc", blend=False).members == (loud,)


def test_within_noise_the_lowest_loss_wins_a_blend_or_not():
    two = [result("lightgbm", noisy(3, 1.0)), result("xgboost", noisy(4, 1.0))]
    chosen = choose_winner(held_out(), two, "roc_auc")
    assert chosen.members == tuple(two)
    assert held_out().loss(chosen) == min(
        held_out().loss(choose_winner(held_out(), leaders, "roc_auc")) for leaders in (two, two[:1], two[1:])
    )


def test_rows_of_a_group_are_alike_so_that_less_is_sure():
    """A lead that one of two groups gives is sure of rows and noise of groups: the lower loss decides."""
    group = np.repeat([0, 1], N // 2)
    quiet = result("lightgbm", 0.6 * noisy(5, 1.5))
    loud = result("xgboost", 6.0 * np.where(group == 0, SIGNAL, noisy(5, 1.5)))
    assert held_out().loss(single(quiet)) < held_out().loss(single(loud))
    assert choose_winner(held_out(), [quiet, loud], "roc_auc", blend=False).members == (loud,)
    assert choose_winner(held_out(group), [quiet, loud], "roc_auc", blend=False).members == (quiet,)


def test_a_blend_that_is_too_dear_drops_its_dearest_member():
    three = [
        result(family, noisy(seed, 1.0), rounds)
        for seed, (family, rounds) in enumerate((("lightgbm", 100), ("xgboost", 100), ("catboost", 1500)))
    ]
    assert len(blend_of(held_out(), three, 100e-6).members) == 3
    kept = blend_of(held_out(), three, 20e-6)
    assert {r.trial.family for r in kept.members} == {"lightgbm", "xgboost"}
    assert choose_winner(held_out(), three, "log_loss", latency=20e-6).n_trees <= 400
