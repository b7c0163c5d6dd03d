"""Money: by hand, and paired."""

from __future__ import annotations

import numpy as np
import pytest

from tenure.config import BusinessConfig
from tenure.monitor.worth import value_of_rows, worth_of_retraining, worth_of_switch

MONEY = BusinessConfig(value_of_customer=600, cost_of_contact=5, cost_of_offer=50, success_rate=0.3)


def test_the_value_of_a_row_is_what_a_contact_brings() -> None:
    values = value_of_rows([1, 0, 1, 0], [0.9, 0.9, 0.1, 0.1], 0.5, MONEY)
    assert values.tolist() == [0.3 * 550 - 5, -55, 0, 0]


def test_a_better_ranking_is_worth_more_and_says_what_it_assumes() -> None:
    rng = np.random.default_rng(0)
    chance = rng.beta(1, 3, 4000)
    y = (rng.random(4000) < chance).astype(float)
    worth = worth_of_switch(y, rng.permutation(chance), chance, (0.3, 0.3), MONEY)
    assert worth.value.low > 0
    assert worth.unit == "per 1,000 rows"
    assert any("600" in text for text in worth.assumes)
    same = worth_of_switch(y, chance, chance, (0.3, 0.3), MONEY)
    assert (same.value.value, same.value.low) == (0.0, 0.0)


def test_retraining_is_worth_the_shortfall_of_a_promise() -> None:
    rng = np.random.default_rng(1)
    promised = np.full(2000, 0.6)
    kept = (rng.random(2000) < 0.6).astype(float)
    broken = (rng.random(2000) < 0.2).astype(float)
    assert (
        worth_of_retraining(kept, promised, 0.5, MONEY).value.low
        < 0
        < worth_of_retraining(broken, promised, 0.5, MONEY).value.low
    )
    assert worth_of_retraining([1.0], [0.9], 0.5, MONEY).value.value == pytest.approx(
        1000 * (-0.1 * 165 - 0.1 * 50)
    )
