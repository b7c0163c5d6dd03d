"""Weights of classes: which errors the fit minds, while the probabilities stay those of the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt

from tenure.errors import ConfigError

Float64 = npt.NDArray[np.float64]
ClassWeight = Literal["balanced"] | Mapping[str, float]


def class_weights(
    wanted: ClassWeight | None, classes: tuple[str, ...], y: Float64, shares: Float64
) -> tuple[float, ...] | None:
    """One weight a class, or None for equal ones.

    wanted: "balanced" is total / (number of classes * weight of the class), as scikit-learn has it.
    y: shape (n,), class index.  shares: shape (n,), the rows' weights.
    Raises ConfigError for labels that are no class, or a target without classes.

    >>> class_weights("balanced", ("no", "yes"), np.array([0.0, 0.0, 0.0, 1.0]), np.ones(4))
    (0.6666666666666666, 2.0)
    """
    if wanted is None:
        return None
    if not classes:
        raise ConfigError(
            "class weights need classes, and the target is a number",
            where="model.class_weight",
            todo="take the key out",
        )
    if wanted == "balanced":
        held = np.bincount(y.astype(np.int64), weights=shares, minlength=len(classes))
        return tuple((held.sum() / (len(classes) * np.maximum(held, 1e-12))).tolist())
    unknown = [label for label in wanted if label not in classes]
    if unknown:
        raise ConfigError(
            f"{unknown[0]!r} is no class of the target; its classes are {', '.join(map(repr, classes))}",
            where="model.class_weight",
            todo="name classes as they are written in the data",
        )
    return tuple(float(wanted.get(label, 1.0)) for label in classes)
