"""The search: defaults of every family first, then Optuna over those that are in the running."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tenure.model.baselines import ROUNDS
from tenure.model.candidates import candidate_named, load_library
from tenure.model.candidates.base import PATIENCE, Candidate
from tenure.model.choose import HeldOut, score_of
from tenure.model.settings import DEFAULT_METRIC, DEFAULT_TRIALS, Clock, TrainSettings, cheapest_first
from tenure.model.workbench import Result, Trial, Workbench

log = logging.getLogger(__name__)

KEPT_A_FAMILY = 2
"""Complete trials of a family that are kept with their models, for the blend."""
IN_THE_RUNNING = 3.0
"""A family is searched while its best loss is within so many standard errors of the best of all."""
LINEAR_TRIALS = 8
"""The linear family has two settings; more trials are not worth their time."""
NO_GAIN_TRIALS = 40
"""The search ends after so many trials in a row that lowered nobody's loss."""
LARGE_ROWS = 15_000
INTERRUPTED = "interrupted"
FINAL_OVERHEAD = 1.0
"""Seconds kept for what follows the search besides fitting: calibration, conversion, checks."""
FINAL_ROWS = 1.34
"""The last fit is on training and validation rows: so many times the training rows, usually."""
LEADERS_FITTED = 4
"""So many of the best trials are expected in the final blend."""
MOST_RESERVE = 0.6
"""Share of the budget that may be kept for the final fits."""
CONVERSION_SECONDS = 1e-7
"""Of conversion and its check, for one row and one tree."""
FIRST_SHARE = 0.5
"""Of the budget, for the first trial of all: what is left is for a fit without folds, should it not get done."""
EVIDENCE_SHARE = 0.1
"""Of the budget at most, for the baselines of the leaderboard."""
CAUTION = 1.3
"""Final fits are given so many times what the folds foretell: another process may want the cores."""


def final_seconds(result: Result, n_fold_rows: int, growth: float) -> float:
    """Seconds that fit and conversion take one thread on `growth` times a fold's training rows.

    Rounds grow by the square root of the rows. Conversion walks every row down every tree a few times.
    """
    walks = float(result.trial.rounds * result.margins.shape[1] * n_fold_rows)
    return CAUTION * float(growth**1.5) * (result.fit_seconds + CONVERSION_SECONDS * walks)


def side_by_side(seconds: list[float], threads: int) -> float:
    """Seconds that fits take when each has one of so many threads.

    >>> side_by_side([3.0, 1.0, 1.0], 2)
    3.0
    """
    return max(max(seconds, default=0.0), sum(seconds) / max(1, threads))


def number_of_folds(n_rows: int) -> int:
    """Five, three for large tables: the noise of a fold falls with its rows, the cost grows."""
    return 3 if n_rows >= LARGE_ROWS else 5


@dataclass
class Search:
    """Runs trials until the budget, the number of trials or the hope is used up.

    best: for each family its best complete trials, the best first.  default: the best of the defaults.
    """

    bench: Workbench
    settings: TrainSettings
    clock: Clock
    best: dict[str, list[Result]] = field(default_factory=dict)
    trials: list[Trial] = field(default_factory=list)
    stopped: str = ""
    default: Result | None = None
    _studies: dict[str, Any] = field(default_factory=dict)

    def run(self) -> None:
        """Try the defaults, then search; Ctrl-C ends it with what there is, if there is something."""
        try:
            self._run()
        except KeyboardInterrupt:
            if not self.best:
                raise
            self.stopped = INTERRUPTED

    @property
    def left_out(self) -> list[str]:
        """Families of which no trial came to its end while there was a budget, in the order of trying."""
        if self.settings.budget_seconds is None or self.stopped == INTERRUPTED:
            return []
        return [name for name in cheapest_first(self.settings.candidates) if name not in self.best]

    def _run(self) -> None:
        families = [candidate_named(name) for name in cheapest_first(self.settings.candidates)]
        if self._try_defaults(families) and self._room():
            self._search(families)

    @property
    def most_trials(self) -> int | None:
        """Trials at most; None: only the clock decides."""
        if self.settings.max_trials is not None or self.settings.budget_seconds is not None:
            return self.settings.max_trials
        return DEFAULT_TRIALS

    def reserve(self) -> float:
        """Seconds that the final fits may take: a blend of the leaders, on all rows and on the training rows."""
        if self.settings.budget_seconds is None:
            return 0.0
        growth = len(self.bench.table.y) / self.bench.facts.n_rows
        fits = sum(
            side_by_side(
                [final_seconds(r, self.bench.facts.n_rows, g) for r in self.leaders()[:LEADERS_FITTED]],
                self.settings.threads,
            )
            for g in (growth, growth * FINAL_ROWS)
        )
        return min(
            MOST_RESERVE * self.settings.budget_seconds, FINAL_OVERHEAD + fits + self._evidence_seconds()
        )

    def _evidence_seconds(self) -> float:
        """What the baselines of the leaderboard will take, by what trials of the same libraries took."""
        fits = 0.0
        if "lightgbm" in self.best:
            like = self.best["lightgbm"][0]
            fits += like.fit_seconds * ROUNDS / (like.trial.rounds + PATIENCE)
        if "logistic" in self.best:
            fits += self.best["logistic"][0].fit_seconds
        in_all = fits * len(self.bench.folds) / min(self.settings.threads, len(self.bench.folds))
        return min(EVIDENCE_SHARE * (self.settings.budget_seconds or 0.0), in_all)

    def leaders(self) -> list[Result]:
        """Every kept result, the lowest loss first."""
        return sorted(
            (r for results in self.best.values() for r in results), key=lambda r: r.trial.loss or 0.0
        )

    def _room(self, seconds: float = 0.0) -> bool:
        """Whether another trial of so many seconds fits; notes why not."""
        if self.most_trials is not None and len(self.trials) >= self.most_trials:
            self.stopped = f"{self.most_trials} trials"
            return False
        if self.clock.left(self.reserve()) <= seconds:
            self.stopped = "budget"
            return False
        return True

    def _try_defaults(self, families: list[Candidate]) -> bool:
        """Every family's first default, then the second ones, forests last; False without room for more."""
        lists = [(c, c.defaults(self.bench.facts)) for c in families]
        turns = [(c, d[i]) for i in range(max(len(d) for _, d in lists)) for c, d in lists if i < len(d)]
        turns.sort(key=lambda turn: turn[0].name == "forest")
        for candidate, params in turns:
            if self.trials and not self._room():
                return False
            self._trial(candidate, params)
            self.default = self.leaders()[0] if self.best else None
        return True

    def _search(self, families: list[Candidate]) -> None:
        self.clock.excuse(_optuna)
        without_gain = 0
        while without_gain < NO_GAIN_TRIALS:
            candidate = self._next_family(families)
            if candidate is None:
                break
            typical = float(np.median([t.seconds for t in self.trials if t.family == candidate.name]))
            if not self._room(0.5 * typical):
                return
            gained = self._suggested_trial(candidate)
            without_gain = 0 if gained else without_gain + 1
        self.stopped = f"no gain in {NO_GAIN_TRIALS} trials" if without_gain else "nothing left to search"

    def _next_family(self, families: list[Candidate]) -> Candidate | None:
        """Of the families in the running, the one that has had the least of the search so far.

        With a budget that is measured in seconds; without one in trials, so that the clock has no say.
        """
        open_families = [c for c in families if self._in_the_running(c.name)]
        if not open_families:
            return None

        def used(candidate: Candidate) -> float:
            own = [t for t in self.trials if t.family == candidate.name]
            by_clock = self.settings.budget_seconds is not None
            return sum(t.seconds for t in own) if by_clock else float(len(own))

        return min(open_families, key=used)

    def _in_the_running(self, family: str) -> bool:
        if family not in self.best:
            return False
        if family == "logistic" and sum(t.family == family for t in self.trials) >= LINEAR_TRIALS:
            return False
        difference = self.best[family][0].losses - self.leaders()[0].losses
        difference = difference[~np.isnan(difference)]
        return bool(difference.mean() <= IN_THE_RUNNING * difference.std() / np.sqrt(len(difference)))

    def _suggested_trial(self, candidate: Candidate) -> bool:
        """Ask Optuna for settings and try them; True if the family's best loss fell."""
        study = self._study(candidate)
        asked = study.ask()
        params = candidate.suggest(asked, self.bench.facts)
        before = self.best[candidate.name][0].trial.loss
        trial = self._trial(candidate, params)
        if trial.state == "out of time":
            study.tell(asked, state=_optuna().trial.TrialState.FAIL)
            return False
        study.tell(asked, self._told(trial))
        return self.best[candidate.name][0].trial.loss != before

    def _trial(self, candidate: Candidate, params: Mapping[str, Any]) -> Trial:
        own = self.best.get(candidate.name)
        self.clock.excuse(lambda: load_library(candidate.name))
        deadline = self.clock.deadline(self.reserve() if self.best else self._after_first())
        outcome = self.bench.run(candidate, params, deadline=deadline, rival=own[0] if own else None)
        if isinstance(outcome, Result):
            outcome = self._scored(outcome)
            trial = outcome.trial
            kept = sorted([*(own or []), outcome], key=lambda r: r.trial.loss or 0.0)
            self.best[candidate.name] = kept[:KEPT_A_FAMILY]
        else:
            trial = outcome
        self.trials.append(trial)
        log.info("trial %d: %s %s, loss %s", len(self.trials), trial.family, trial.state, trial.loss)
        return trial

    def _after_first(self) -> float:
        """Seconds that trials leave while none has come to its end."""
        return (1.0 - FIRST_SHARE) * (self.settings.budget_seconds or 0.0)

    def _scored(self, result: Result) -> Result:
        """The result with the chosen metric on its held-out rows."""
        metric = self.settings.metric or DEFAULT_METRIC[self.bench.facts.task]
        score = score_of(HeldOut.of(self.bench), result, metric)
        return replace(result, trial=replace(result.trial, score=score))

    def _told(self, trial: Trial) -> float:
        """The loss to tell Optuna; for a pruned trial the best one's, plus the lag on the fitted folds."""
        if trial.loss is not None:
            return trial.loss
        rival = self.best[trial.family][0].trial
        lag = np.mean(np.array(trial.fold_losses) - np.array(rival.fold_losses[: len(trial.fold_losses)]))
        return float((rival.loss or 0.0) + lag)

    def _study(self, candidate: Candidate) -> Any:
        """The family's study, which has seen the defaults."""
        if candidate.name not in self._studies:
            optuna = _optuna()
            sampler = optuna.samplers.TPESampler(
                seed=self.settings.seed, n_startup_trials=6, multivariate=True, constant_liar=False
            )
            study = optuna.create_study(sampler=sampler)
            for trial in [t for t in self.trials if t.family == candidate.name and t.state != "out of time"]:
                fixed = optuna.trial.FixedTrial(dict(trial.params))
                candidate.suggest(fixed, self.bench.facts)
                study.add_trial(
                    optuna.trial.create_trial(
                        params=fixed.params, distributions=fixed.distributions, value=self._told(trial)
                    )
                )
            self._studies[candidate.name] = study
        return self._studies[candidate.name]


def _optuna() -> Any:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
