"""The winner fitted again on training and validation rows, as far as the budget goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tenure.model.choose import Choice, HeldOut, weighted
from tenure.model.fitting import Fits, Run, fit_members, more_rounds
from tenure.model.settings import Member
from tenure.model.tune import FINAL_OVERHEAD, MOST_RESERVE, final_seconds, side_by_side
from tenure.model.workbench import Workbench


def members_of(run: Run, bench: Workbench, choice: Choice) -> tuple[Member, ...]:
    """What is fitted again for a choice made on folds: more rows take more rounds."""
    n_rows = len(run.train.y) + len(run.validation.y)
    return tuple(
        Member(
            r.trial.family,
            r.trial.params,
            more_rounds(r.trial.family, r.trial.rounds, n_rows / bench.facts.n_rows),
            r.trial.rounds,
            weight,
        )
        for r, weight in zip(choice.members, choice.weights, strict=True)
    )


def reserved_seconds(run: Run, bench: Workbench, choice: Choice) -> float:
    """Seconds to keep for fitting the winner on all rows, and on the training rows."""
    n_fold = bench.facts.n_rows
    sizes = (len(run.train.y), len(run.train.y) + len(run.validation.y))
    fits = sum(
        side_by_side([final_seconds(r, n_fold, n / n_fold) for r in choice.members], run.settings.threads)
        for n in sizes
    )
    return min(FINAL_OVERHEAD + fits, MOST_RESERVE * (run.settings.budget_seconds or 0.0))


def fit_again(run: Run, bench: Workbench, choice: Choice, members: Sequence[Member]) -> tuple[Choice, Fits]:
    """Fit the winner on training and validation rows; members for which there is no time are left out."""
    n_rows = len(run.train.y) + len(run.validation.y)
    table = run.train.joined(run.validation)
    affordable = _affordable(run, bench, choice, n_rows)
    if affordable is not choice:
        run.warnings.append("the budget was too short to fit every model of the blend")
        choice, members = affordable, members_of(run, bench, affordable)
    fits = fit_members(run, members, table)
    if not any(fits.is_cut):
        return choice, fits
    whole = [i for i, is_cut in enumerate(fits.is_cut) if not is_cut]
    if not whole:
        # Every one is cut: keep the one that came furthest.
        whole = [int(np.argmax([f.rounds / m.rounds for f, m in zip(fits.members, members, strict=True)]))]
        run.warnings.append(f"the budget cut the last fit of {fits.members[whole[0]].family} short")
    else:
        run.warnings.append("the budget was too short to fit every model of the blend")
    kept = weighted(HeldOut.of(bench), [choice.members[i] for i in whole])
    used = [i for i in whole if any(choice.members[i] is r for r in kept.members)]
    weighed = [replace(fits.members[i], weight=w) for i, w in zip(used, kept.weights, strict=True)]
    return kept, replace(
        fits,
        documents=tuple(fits.documents[i] for i in used),
        members=tuple(weighed),
        is_cut=tuple(fits.is_cut[i] for i in used),
    )


def _affordable(run: Run, bench: Workbench, choice: Choice, n_rows: int) -> Choice:
    """The choice without the members that the budget has no time for, the lightest first; one always stays."""
    n_fold = bench.facts.n_rows
    while len(choice.members) > 1:
        seconds = [final_seconds(r, n_fold, n_rows / n_fold) for r in choice.members]
        if side_by_side(seconds, run.settings.threads) <= run.clock.left(FINAL_OVERHEAD / 2):
            break
        lightest = int(np.argmin(choice.weights))
        rest = [r for i, r in enumerate(choice.members) if i != lightest]
        choice = weighted(HeldOut.of(bench), rest)
    return choice
