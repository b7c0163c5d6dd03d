"""Two units in one column are found; honest columns, however skewed, are not."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tenure.prepare.columns import read
from tenure.prepare.learn import learn_recipe, learn_target
from tenure.prepare.scales import find_scales
from tests.prepare.test_parity import TABLES

RANDOM = np.random.default_rng(0)
AMOUNTS = np.exp(RANDOM.normal(4.0, 0.2, 3000))


@pytest.mark.parametrize("factor", [10.0, 12.0, 100.0, 1000.0, 60.0])
def test_a_share_in_another_unit_is_found_with_what_explains_it(factor: float) -> None:
    is_large = RANDOM.random(3000) < 0.2
    unit = pl.DataFrame({"unit": np.where(is_large, "cents", "euros")})
    found = find_scales("fee", np.where(is_large, AMOUNTS * factor, AMOUNTS), unit)
    assert found is not None
    assert (found.factor, found.n_large, found.where) == (
        factor,
        int(is_large.sum()),
        "where unit is 'cents'",
    )
    assert found.expression.startswith('CASE WHEN ABS("fee") > ')
    assert found.expression.endswith(f'THEN "fee" / {factor:g} ELSE "fee" END')
    assert "take the feature" in found.warning


def test_a_block_of_rows_or_a_time_explains_it() -> None:
    later = AMOUNTS.copy()
    later[1800:] *= 100
    nothing = pl.DataFrame({"noise": RANDOM.choice(["a", "b"], 3000)})
    assert getattr(find_scales("x", later, nothing), "where", None) == "from row 1800"
    shuffled = RANDOM.permutation(3000)
    when = pl.DataFrame({"day": pl.Series(np.arange(3000)[shuffled] * 86_400_000_000)})
    assert getattr(find_scales("x", later[shuffled], when), "where", None) == "from some day"
    assert getattr(find_scales("x", later[shuffled], nothing), "where", "") is None


def test_a_few_small_amounts_anywhere_are_no_block_of_rows() -> None:
    is_large = np.ones(3000, dtype=bool)
    is_large[RANDOM.choice(3000, 40, replace=False)] = False
    is_large[0], is_large[-1] = True, True
    found = find_scales(
        "x", np.where(is_large, AMOUNTS * 1000, AMOUNTS), pl.DataFrame({"noise": [0.0] * 3000})
    )
    assert found is not None
    assert found.where is None


def test_missing_cells_zeros_and_signs_are_no_matter() -> None:
    values = np.where(np.arange(3000) % 4 == 0, -1000 * AMOUNTS, AMOUNTS)
    values[5], values[6] = np.nan, 0.0
    found = find_scales("x", values)
    assert found is not None
    assert (found.factor, found.n_large + found.n_small) == (1000.0, 2998)


@pytest.mark.parametrize(
    "values",
    [
        RANDOM.pareto(1.1, 3000) + 1.0,
        np.exp(RANDOM.normal(0.0, 2.0, 3000)),
        RANDOM.geometric(0.02, 3000).astype(np.float64),
        np.where(RANDOM.random(3000) < 0.3, RANDOM.normal(10, 1, 3000), RANDOM.normal(100, 50, 3000)),
        np.where(RANDOM.random(3000) < 0.3, RANDOM.normal(10, 1, 3000), RANDOM.normal(230, 23, 3000)),
        np.full(3000, 7.0),
        np.zeros(3000),
        AMOUNTS[:3],
    ],
)
def test_honest_columns_are_left_alone(values: np.ndarray) -> None:
    assert find_scales("x", values) is None


@pytest.mark.parametrize("name", TABLES)
def test_no_real_column_is_called_so(shared_data: Path, name: str) -> None:
    content = (shared_data / name).read_bytes()
    raw = pl.read_csv(
        io.BytesIO(gzip.decompress(content) if name.endswith(".gz") else content), infer_schema=False
    )
    recipe = learn_recipe(raw, learn_target(raw[TABLES[name]]))
    typed = read(recipe, raw.lazy()).collect()
    numbers = [column.name for column in recipe.features if column.kind in ("number", "integer")]
    assert [n for n in numbers if find_scales(n, typed[n].fill_null(float("nan")).to_numpy(), typed)] == []
