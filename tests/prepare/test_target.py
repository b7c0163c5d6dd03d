"""The target is read as people write it, and refused when nothing can be learned from it."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tenure.errors import TargetError
from tenure.prepare.columns import target_problems, target_values
from tenure.prepare.learn import learn_target


def series(cells: list[object]) -> pl.Series:
    return pl.Series("y", cells)


def test_spellings_of_a_label_are_one_class() -> None:
    cells = series([" <=50K", " >50K", "<=50K.", ">50K.", "<=50k ", ">50K", "?", " <=50K"])
    target = learn_target(cells, positive=" >50k.")
    assert (target.task, target.classes, target.positive) == ("binary", ("<=50K", ">50K"), ">50K")
    assert target.warnings == ("1 row(s) without a target are left out",)
    np.testing.assert_array_equal(target_values(target, cells), [0, 1, 0, 1, 0, 1, np.nan, 0])


@pytest.mark.parametrize(
    ("cells", "positive", "classes"),
    [
        (["Yes", "No", "No", "Yes", "Yes"], None, ("No", "Yes")),
        (["a", "b", "b", "a", "b"], None, ("b", "a")),
        (["a", "b", "b", "a", "b"], "B", ("a", "b")),
        ([0, 1, 1, 0], None, ("0", "1")),
        ([0, 1, 1, 0], "1.0", ("0", "1")),
        ([0.0, 1.0, 1.0, 0.0, None], 0, ("1", "0")),
        ([True, False, False, True], None, ("false", "true")),
        (["1", "0", "1.0", "0.0", "1"], "1", ("0", "1")),
    ],
)
def test_binary_targets(cells: list[object], positive: object, classes: tuple[str, str]) -> None:
    target = learn_target(series(cells), positive)
    assert (target.task, target.classes, target.positive) == ("binary", classes, classes[1])
    known = target_values(target, series(cells).drop_nulls())
    assert set(known) == {0.0, 1.0}


def test_tasks_are_inferred_and_can_be_given() -> None:
    assert learn_target(series([1, 2, 3] * 5)).task == "multiclass"
    assert learn_target(series([10, 9, 2] * 5)).classes == ("2", "9", "10")
    assert learn_target(series(list(range(50)))).task == "regression"
    assert learn_target(series(["$1.50", "$2", "$3,000"] * 2)).task == "regression"
    assert learn_target(series([1, 2, 3] * 5), task="regression").task == "regression"
    assert learn_target(series(list(range(20)) * 2), task="multiclass").task == "multiclass"
    amounts = learn_target(series(["1,5", "2,5", "?", "4,25"]))
    np.testing.assert_array_equal(target_values(amounts, series(["1,5", "?", "x"])), [1.5, np.nan, np.nan])


@pytest.mark.parametrize(
    ("cells", "arguments", "message"),
    [
        ([None, None], {}, "empty in every row"),
        (["", "?", "n/a"], {}, "empty in every row"),
        (["a", "A ", "a."], {}, "always 'A'"),
        ([1.5, 1.5], {"task": "regression"}, "always '1.5'"),
        (["a", "a", "b", "b", "c"], {}, "'c' has one lone case"),
        ([f"label {i}" for i in range(200)] * 2, {}, "200 different labels"),
        ([f"{i:x}z" for i in range(200_000)], {}, "200,000 different labels"),
        (["1.5", "2", "3", "abc"], {"task": "regression"}, "1 cell.* no number within ±1e38: 'abc'"),
        (["1.5", "2", "3", "1e308"], {"task": "regression"}, "1 cell.* no number within ±1e38: '1e308'"),
        (["Yes", "No", "Yes", "No"], {"positive": "Yess"}, "did you mean 'Yes'"),
        (["a", "b", "c"] * 3, {"task": "binary"}, "3 classes"),
        ([[1], [2]], {}, "not single values"),
    ],
)
def test_targets_that_cannot_be_learned(cells: list[object], arguments: dict[str, str], message: str) -> None:
    with pytest.raises(TargetError, match=message):
        learn_target(series(cells), **arguments)


def test_unknown_labels_are_told() -> None:
    target = learn_target(series(["Yes", "No"] * 3))
    (problem,) = target_problems(target, series(["yes", "perhaps", None]))
    assert (problem.row, problem.value) == (1, "'perhaps'")
