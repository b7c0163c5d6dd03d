"""A constraint during training: the search for weights of (group, class) that keep a difference within its limit.

Agarwal et al. (2018), "A Reductions Approach to Fair Classification", ICML, turn a model under a constraint into fits
with weights by group and class, which follow from one multiplier a group (and class, for equalized odds). Their
answer is a mixture that draws a model for every row; a release decides the same row alike every time, so that one
of the fits is taken: of those within the limit on rows held out, the one with the least loss.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tenure.model.fairness.limited import RATES_OF, rates
from tenure.model.fairness.rates import Floats, Words
from tenure.model.fairness.reweigh import Weights

LARGEST = 4.0
"""Multipliers stay between -LARGEST and LARGEST: weights up to e^4, some 55 times those of the rows."""
MOST_STEPS = 12
HALVINGS = 3
SOFT_ROWS = 1.0
"""A rate of no or of all rows has no log-odds; so many rows of either kind are added."""

Multipliers = Mapping[tuple[str, str | int], float]
"""(group, among which rows its rate is taken) -> multiplier; see limited.RATES_OF."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One fit of the search, judged on rows held out.

    loss: mean log loss.  difference: the metric that is limited.  decided: shape (n,).
    """

    weights: Weights
    loss: float
    difference: float
    decided: np.ndarray


Try = Callable[[Weights], Attempt]


def weights_of(multipliers: Multipliers) -> dict[tuple[str, int], float]:
    """The weights of fits. For a share of all rows 1 + tanh t for class 1 and 1 - tanh t for class 0, for a rate among
    the rows of one class exp t for that class: those of Agarwal et al. (2018), sections 2 and 3, as long as no weight
    would be negative, and every ratio of two weights is reached without one.

    >>> weights_of({("a", "selected"): 0.0, ("b", 1): 0.0})
    {('a', 1): 1.0, ('a', 0): 1.0, ('b', 1): 1.0}
    """
    found: dict[tuple[str, int], float] = {}
    for (group, among), t in multipliers.items():
        if isinstance(among, str):
            found[group, 1], found[group, 0] = float(1.0 + np.tanh(t)), float(1.0 - np.tanh(t))
        else:
            # a rate among the negative rows rises as these count less
            found[group, among] = float(np.exp(t if among == 1 else -t))
    return found


def search_weights(
    attempt: Try,
    start: Attempt,
    *,
    y: Floats,
    groups: Words,
    metric: str,
    limit: float,
    least: int,
    room: Callable[[], bool],
) -> tuple[Attempt, list[Attempt]]:
    """The attempt to take, and all that were made.

    attempt: fits with these weights and judges on rows held out, those of y and groups, shape (n,).  start: without
    weights.  room: whether there is time for one more; the first one is made in any case.
    Each step raises the multiplier of a group by what its rate lacks of the mean, in log-odds, and where that made
    things worse by half as much; once within the limit the way back to no weights is halved as long as it holds.
    Taken is the least loss among those within the limit, and without any of them the least difference.
    """
    made = [start]
    if start.difference <= limit:
        return start, made
    names, codes = np.unique(groups.astype(str), return_inverse=True)
    multipliers = {(str(g), among): 0.0 for g in names for among in RATES_OF[metric]}
    pace = 1.0
    while len(made) <= MOST_STEPS and (len(made) == 1 or room()):
        pulls = _pulls(made[-1], y, codes, names.tolist(), RATES_OF[metric], least)
        if len(made) > 2 and made[-1].difference > made[-2].difference:
            pace /= 2.0
        multipliers = {
            key: float(np.clip(t + pace * pulls.get(key, 0.0), -LARGEST, LARGEST))
            for key, t in multipliers.items()
        }
        made.append(attempt(weights_of(multipliers)))
        if made[-1].difference <= limit:
            made += _less(attempt, multipliers, limit, room)
            break
    within = [found for found in made if found.difference <= limit]
    if within:
        return min(within, key=lambda found: found.loss), made
    return min(made, key=lambda found: found.difference), made


def _less(
    attempt: Try, multipliers: Multipliers, limit: float, room: Callable[[], bool]
) -> Sequence[Attempt]:
    """Smaller multipliers on the way to none: halving between what keeps the limit and what does not."""
    made: list[Attempt] = []
    fails, holds = 0.0, 1.0
    for _ in range(HALVINGS):
        if not room():
            break
        middle = (fails + holds) / 2.0
        made.append(attempt(weights_of({key: middle * t for key, t in multipliers.items()})))
        fails, holds = (fails, middle) if made[-1].difference <= limit else (middle, holds)
    return made


def _pulls(
    found: Attempt, y: Floats, codes: np.ndarray, names: Sequence[str], among: Sequence[str | int], least: int
) -> dict[tuple[str, str | int], float]:
    """How far the log-odds of each rate lie below those of the mean of all groups that are compared."""
    pulls: dict[tuple[str, str | int], float] = {}
    for kind in among:
        share, n = rates(found.decided, y, codes, len(names), kind)
        known = np.flatnonzero(n >= least)
        if len(known) < 2:
            continue
        soft = (share * n + SOFT_ROWS) / (n + 2.0 * SOFT_ROWS)
        logs = np.log(soft / (1.0 - soft))
        mean = float(np.average(soft[known], weights=n[known]))
        for g in known.tolist():
            pulls[names[g], kind] = float(np.log(mean / (1.0 - mean)) - logs[g])
    return pulls
