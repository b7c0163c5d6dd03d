"""The outcome column as scikit-learn users give it: checked, and told to the recipe."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from sklearn.utils import assert_all_finite, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from tenure.estimators.frames import is_missing, text_of
from tenure.prepare.recipe import TargetRecipe
from tenure.prepare.target import learn_target
from tenure.prepare.tokens import STRONG_NULLS, fold

Float64 = npt.NDArray[np.float64]


def outcome_array(y: Any) -> npt.NDArray[Any]:
    """y as an array of shape (n,). Raises ValueError for NaN, infinities and more than one column."""
    if hasattr(y, "__arrow_c_stream__") and not hasattr(y, "iloc"):
        y = pl.DataFrame(y) if hasattr(y, "column_names") or isinstance(y, pl.DataFrame) else pl.Series(y)
        y = y.to_numpy()
    values = column_or_1d(y, warn=True)
    if values.dtype.kind == "c":
        raise ValueError("Complex data not supported in y")
    assert_all_finite(values, input_name="y")
    if values.dtype.kind == "O":
        _check_objects(values)
    return np.asarray(values)


def _check_objects(values: npt.NDArray[Any]) -> None:
    """The same of cells that are Python's own objects, and that they can be told apart. Raises ValueError."""
    bad = [place for place, cell in enumerate(values) if is_missing(cell) or cell in (math.inf, -math.inf)]
    if bad:
        raise ValueError(
            f"y has no outcome in {len(bad)} row(s), the first at position {bad[0]}: {values[bad[0]]!r}; "
            "leave these rows out of X and y"
        )
    try:
        np.unique(values)
    except TypeError as error:
        kinds = ", ".join(sorted({type(cell).__name__ for cell in values}))
        raise ValueError(
            f"y holds values that cannot be ordered, of the types {kinds}; give labels of one type, such as text"
        ) from error


def name_of(y: Any, taken: list[str]) -> str:
    """What the outcome is called: y's own name, or "target"; never a column's name."""
    name = getattr(y, "name", None)
    chosen = name if isinstance(name, str) and name else "target"
    while chosen in taken:
        chosen += "_"
    return chosen


def learn_classes(name: str, y: npt.NDArray[Any], who: str) -> tuple[TargetRecipe, npt.NDArray[Any], Float64]:
    """The recipe of a target of classes, the sorted classes as they were given, and each row's index into them.

    The second of two classes is the positive one, as everywhere in scikit-learn. Spellings that two classes share
    but for letter case are left to neither. Raises ValueError for one class, or for what are no classes.
    """
    check_classification_targets(y)
    classes, index = np.unique(y, return_inverse=True)
    labels = tuple(text_of(value) for value in classes.tolist())
    if len(classes) < 2:
        raise ValueError(f"{who} needs at least 2 classes in y; every row has the class {labels[0]!r}")
    if len(set(labels)) < len(labels):
        raise ValueError(f"{who} cannot tell classes apart that are written alike: {', '.join(labels)}")
    folded = [fold(label) for label in labels]
    spellings = {key: label for key, label in zip(folded, labels, strict=True) if folded.count(key) == 1}
    task = "binary" if len(labels) == 2 else "multiclass"
    positive = labels[1] if task == "binary" else None
    nulls = tuple(token for token in STRONG_NULLS if token not in folded)
    recipe = TargetRecipe(name, task, labels, positive, spellings, nulls)  # type: ignore[arg-type]
    return recipe, classes, index.astype(np.float64)


def learn_number(name: str, y: npt.NDArray[Any]) -> tuple[TargetRecipe, Float64]:
    """The recipe of a target that is a number, and its values. Raises ValueError for text and TargetError for one
    value in all rows."""
    numbers = y.astype(np.float64)
    return learn_target(pl.Series(name, numbers), task="regression"), numbers
