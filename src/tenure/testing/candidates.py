"""The promises of the Candidate protocol, one check each; check_candidate runs them all on every task."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import get_args

import numpy as np

from tenure.model.calibrate import as_margins, row_losses
from tenure.model.candidates.base import Candidate, FitContext, Fitted, Float64, OutOfTime, Style
from tenure.model.document import PARITY, ModelDocument
from tenure.records import Task
from tenure.testing.rows import Case, everything_missing, make_case

TASKS: tuple[Task, ...] = ("binary", "multiclass", "regression")
FEW_ROUNDS = 7


class PromiseBroken(AssertionError):
    """A candidate does not do what its protocol says."""


def check_candidate(candidate: Candidate) -> None:
    """Run every check on every task. Raises PromiseBroken that lists each one that failed, and how."""
    failed = []
    for task in TASKS:
        for check in CHECKS:
            try:
                check(candidate, task)
            except Exception as error:  # an author wants to see all of what fails, whatever it raises
                failed.append(f"{check.__name__} ({task}): {type(error).__name__}: {error}")
    if failed:
        raise PromiseBroken(
            "\n".join([f"the candidate {candidate.name!r} fails {len(failed)} check(s):", *failed])
        )


def check_defaults_are_plain_and_in_the_search_space(candidate: Candidate, task: Task) -> None:
    """Defaults are JSON data, at least one, and suggest can be told of them, as the search does."""
    import optuna

    facts = make_case(task, "trees").facts
    defaults = candidate.defaults(facts)
    _promise(bool(defaults), "defaults() gives at least one setting")
    for params in defaults:
        _promise(json.loads(json.dumps(params)) == params, f"settings are JSON data, got {params}")
        _promise(candidate.style(params) in get_args(Style), "style() gives linear, spline or trees")
        candidate.suggest(optuna.trial.FixedTrial(dict(params)), facts)


def check_what_is_suggested_can_be_fitted(candidate: Candidate, task: Task) -> None:
    """Settings drawn from the search space are JSON data, the same for an equal seed, and fit."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    facts = make_case(task, "trees").facts

    def draw() -> dict[str, object]:
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=3))
        return candidate.suggest(study.ask(), facts)

    params = draw()
    _promise(params == draw(), "suggest() asks the trial and nothing else")
    _promise(json.loads(json.dumps(params)) == params, f"settings are JSON data, got {params}")
    case = make_case(task, candidate.style(params))
    fitted = candidate.fit(case.train, params, _context(case), rounds=FEW_ROUNDS)
    _check_scores(fitted.margins(case.held_out), case)


def check_it_learns_and_leaves_its_input_alone(candidate: Candidate, task: Task) -> None:
    """Held-out loss is below that of a constant; X and y are not written to."""
    case, _ = _case(candidate, task)
    before = case.train.X.copy(), case.train.y.copy()
    fitted = _fit(candidate, case)
    _promise(
        np.array_equal(before[0], case.train.X, equal_nan=True) and np.array_equal(before[1], case.train.y),
        "fit leaves the rows as they are",
    )
    scores = fitted.margins(case.held_out)
    _check_scores(scores, case)
    loss = row_losses(task, as_margins(task, scores, fitted.output), case.held_out.y).mean()
    baseline = _constant_loss(case)
    _promise(loss < baseline, f"its loss {loss:.4g} is below a constant's {baseline:.4g}")


def check_equal_seeds_give_equal_documents(candidate: Candidate, task: Task) -> None:
    """Two fits of the same rows with the same seed are the same document, to the last character."""
    case, _ = _case(candidate, task)
    first, second = (_fit(candidate, case).document(case.train) for _ in range(2))
    _promise(first == second, "the document is the same for the same rows, settings and seed")


def check_the_document_scores_as_the_model_does(candidate: Candidate, task: Task) -> None:
    """The release's runtime answers as the library, rows as tables, bit for bit between the two."""
    case, style = _case(candidate, task)
    fitted = _fit(candidate, case)
    document = fitted.document(case.train)
    expected_kind = "trees" if style == "trees" else "linear"
    _promise(document.kind == expected_kind, f"style {style!r} needs a document of kind {expected_kind!r}")
    _promise(document.output == fitted.output, "document and model agree on what the scores are")
    own, released = fitted.margins(case.held_out), document.predictor().margins(case.held_out.X)
    gap = float(np.max(np.abs(own - released)))
    _promise(gap <= PARITY * max(1.0, float(np.abs(own).max())), f"the document is off by {gap:.3g}")
    rows = [document.predictor().margin_row(x) for x in case.held_out.X]
    _promise(np.array_equal(np.array(rows), released), "one row gives the bits that a table gives")
    effects = document.predictor().contributions(case.held_out.X).sum(axis=2)
    _promise(bool(np.allclose(effects, released, atol=1e-6)), "contributions sum to the margins")


def check_the_document_is_plain_data(candidate: Candidate, task: Task) -> None:
    """The document is text that JSON carries and the runtime reads back to the same bits; no pickle, no object."""
    case, _ = _case(candidate, task)
    document = _fit(candidate, case).document(case.train)
    _promise(
        type(document) is ModelDocument and type(document.text) is str, "the document is a ModelDocument"
    )
    again = ModelDocument(**json.loads(json.dumps(asdict(document))))
    same = np.array_equal(
        again.predictor().margins(case.held_out.X), document.predictor().margins(case.held_out.X)
    )
    _promise(same, "the document says everything that the scores need")
    if document.kind == "linear":
        _promise(isinstance(json.loads(document.text), dict), "a linear document is JSON")
    else:
        keys = {line.partition("=")[0] for line in document.text.splitlines() if "=" in line}
        _promise(keys <= TREE_KEYS, f"a document of trees holds trees only, not {sorted(keys - TREE_KEYS)}")


def check_missing_cells_are_scored(candidate: Candidate, task: Task) -> None:
    """A row of missing cells gets a finite score, the document's the same."""
    case, style = _case(candidate, task)
    fitted = _fit(candidate, case)
    empty = everything_missing(case, style)
    own, released = fitted.margins(empty), fitted.document(case.train).predictor().margins(empty.X)
    _check_scores(own, case)
    _promise(bool(np.allclose(own, released, atol=1e-4)), "missing cells go the same way in the document")


def check_one_constant_feature_is_survived(candidate: Candidate, task: Task) -> None:
    """Where there is nothing to learn, a model and its document come out all the same."""
    style = candidate.style(candidate.defaults(make_case(task, "trees").facts)[0])
    case = make_case(task, style, constant=True)
    document = _fit(candidate, case).document(case.train)
    _check_scores(document.predictor().margins(case.held_out.X), case)


def check_the_deadline_is_kept(candidate: Candidate, task: Task) -> None:
    """Late or not wanted any more, a fit raises OutOfTime; a soft one gives what there is."""
    case, _ = _case(candidate, task)
    unwanted = threading.Event()
    unwanted.set()
    past = time.perf_counter() - 1.0
    for context in (FitContext(case.facts, 0, 1, past), FitContext(case.facts, 0, 1, cancelled=unwanted)):
        try:
            _fit(candidate, case, context)
        except OutOfTime:
            continue
        raise PromiseBroken("a fit that is late calls context.check(), which raises OutOfTime")
    soft = _fit(candidate, case, FitContext(case.facts, 0, 1, past, soft=True))
    _check_scores(soft.document(case.train).predictor().margins(case.held_out.X), case)


def check_rounds_are_kept(candidate: Candidate, task: Task) -> None:
    """A booster stops by the watched rows, and fits exactly as many rounds as it is told to."""
    if not candidate.boosts:
        return
    case, _ = _case(candidate, task)
    params = candidate.defaults(case.facts)[0]
    watched = candidate.fit(case.train, params, _context(case), watch=case.held_out)
    _promise(watched.rounds >= 1, "early stopping tells the rounds that are worth using")
    told = candidate.fit(case.train, params, _context(case), rounds=FEW_ROUNDS)
    _promise(told.rounds == FEW_ROUNDS, f"{FEW_ROUNDS} rounds were asked for, {told.rounds} were fitted")
    shown = case.held_out
    whole = told.document(case.train, 10 * FEW_ROUNDS).predictor().margins(shown.X)
    _promise(
        np.allclose(whole, told.document(case.train).predictor().margins(shown.X)),
        "where fewer rounds were fitted than a document asks for, it has all there are",
    )
    shorter = watched.margins(case.held_out, 1)
    _promise(
        np.array_equal(shorter, watched.margins(case.held_out, 1)), "the first rounds can be asked for alone"
    )


CHECKS: tuple[Callable[[Candidate, Task], None], ...] = (
    check_defaults_are_plain_and_in_the_search_space,
    check_what_is_suggested_can_be_fitted,
    check_it_learns_and_leaves_its_input_alone,
    check_equal_seeds_give_equal_documents,
    check_the_document_scores_as_the_model_does,
    check_the_document_is_plain_data,
    check_missing_cells_are_scored,
    check_one_constant_feature_is_survived,
    check_the_deadline_is_kept,
    check_rounds_are_kept,
)

TREE_KEYS = frozenset(
    {
        "version",
        "num_class",
        "num_tree_per_iteration",
        "label_index",
        "max_feature_idx",
        "feature_names",
        "feature_infos",
        "tree_sizes",
        "Tree",
        "num_leaves",
        "num_cat",
        "split_feature",
        "threshold",
        "decision_type",
        "left_child",
        "right_child",
        "leaf_value",
        "leaf_count",
        "internal_count",
        "is_linear",
        "shrinkage",
        "cat_boundaries",
        "cat_threshold",
    }
)


def _promise(kept: bool, what: str) -> None:
    if not kept:
        raise PromiseBroken(what)


def _case(candidate: Candidate, task: Task) -> tuple[Case, Style]:
    style = candidate.style(candidate.defaults(make_case(task, "trees").facts)[0])
    return make_case(task, style), style


def _context(case: Case) -> FitContext:
    return FitContext(case.facts, 0, 1)


def _fit(candidate: Candidate, case: Case, context: FitContext | None = None) -> Fitted:
    """A short fit of the first defaults."""
    rounds = 40 if candidate.boosts else None
    params = candidate.defaults(case.facts)[0]
    return candidate.fit(case.train, params, context or _context(case), rounds=rounds)


def _check_scores(scores: Float64, case: Case) -> None:
    wanted = (len(case.held_out.y), case.facts.n_outputs)
    _promise(scores.shape == wanted, f"scores have the shape {wanted}, got {scores.shape}")
    _promise(bool(np.isfinite(scores).all()), "scores are finite")


def _constant_loss(case: Case) -> float:
    y, held_out = case.train.y, case.held_out.y
    if case.facts.task == "regression":
        return float(np.mean((held_out - y.mean()) ** 2))
    shares = np.bincount(y.astype(np.int64), minlength=case.facts.n_classes) / len(y)
    return float(-np.log(shares[held_out.astype(np.int64)]).mean())
