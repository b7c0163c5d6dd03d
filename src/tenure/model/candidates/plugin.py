"""Candidates that come from elsewhere: found by name, called behind the same protocol, held to its promises."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from tenure.config.candidates import PATH, installed_candidates
from tenure.errors import TenureError
from tenure.model.candidates.base import Candidate, Facts, FitContext, Fitted, OutOfTime, Params, Part, Style
from tenure.model.document import ModelDocument

if TYPE_CHECKING:
    import optuna

_PARTS = ("name", "boosts", "style", "defaults", "suggest", "fit")
_CHECK = "run tenure.testing.check_candidate on it, or leave it out of model.candidates"


@dataclass(frozen=True)
class FittedPlugin:
    """What a plug-in fitted; its document is refused unless a release can score it."""

    fitted: Fitted
    reference: str
    style: Style
    facts: Facts

    @property
    def rounds(self) -> int:
        """As the plug-in has it."""
        return self.fitted.rounds

    @property
    def output(self) -> Any:
        """As the plug-in has it."""
        return self.fitted.output

    def margins(self, part: Part, rounds: int | None = None) -> Any:
        """Raw scores by the plug-in's own model."""
        return self.fitted.margins(part, rounds)

    def document(self, train: Part, rounds: int | None = None) -> ModelDocument:
        """The plug-in's document. Raises TenureError where it is none, or is not for these rows."""
        document = self.fitted.document(train, rounds)
        if not isinstance(document, ModelDocument):
            raise _unfit(self.reference, f"its document is a {type(document).__name__}, not a ModelDocument")
        kind = "trees" if self.style == "trees" else "linear"
        came = (document.kind, document.n_outputs, document.n_features, document.output)
        wanted = (kind, self.facts.n_outputs, train.X.shape[1], self.fitted.output)
        if came != wanted:
            names = "kind, outputs, features, output"
            raise _unfit(self.reference, f"its document is ({names}) {came}, expected {wanted}")
        document.predictor()
        return document


@dataclass(frozen=True)
class Plugin:
    """A candidate under the name by which the config calls it; what goes wrong in it is told by that name."""

    candidate: Candidate
    reference: str

    @property
    def name(self) -> str:
        """As the config has it, so that a plan can find it again."""
        return self.reference

    @property
    def boosts(self) -> bool:
        """As the plug-in has it."""
        return self.candidate.boosts

    def style(self, params: Params) -> Style:
        """As the plug-in has it."""
        return self.candidate.style(params)

    def defaults(self, facts: Facts) -> list[dict[str, Any]]:
        """As the plug-in has them; at least one."""
        found = self.candidate.defaults(facts)
        if not found:
            raise _unfit(self.reference, "it has no default settings")
        return found

    def suggest(self, trial: optuna.Trial, facts: Facts) -> dict[str, Any]:
        """As the plug-in draws them."""
        return self.candidate.suggest(trial, facts)

    def fit(
        self,
        train: Part,
        params: Params,
        context: FitContext,
        *,
        watch: Part | None = None,
        rounds: int | None = None,
    ) -> Fitted:
        """Fit; an error of the plug-in's own is told as its."""
        try:
            fitted = self.candidate.fit(train, params, context, watch=watch, rounds=rounds)
        except (OutOfTime, TenureError):
            raise
        except Exception as error:
            raise _unfit(
                self.reference, f"its fit failed with {type(error).__name__}: {error}", params
            ) from error
        return FittedPlugin(fitted, self.reference, self.style(params), context.facts)


@cache
def load_plugin(reference: str) -> Candidate:
    """Import the candidate of an entry point's name, or of "package.module:Name".

    Raises TenureError where there is none, or where it is no candidate.
    """
    path = installed_candidates().get(reference, reference)
    if not PATH.fullmatch(path):
        raise TenureError(
            f"unknown candidates: {reference!r} is neither a family nor an installed plug-in",
            where="model.candidates",
            todo="name a family, or a plug-in as package.module:Name",
        )
    module, _, name = path.partition(":")
    try:
        candidate = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise TenureError(
            f"the candidate {reference!r} cannot be imported: {error}",
            where="model.candidates",
            todo="install its package where tenure runs, or put its folder on PYTHONPATH",
        ) from error
    candidate = candidate() if isinstance(candidate, type) else candidate
    absent = [part for part in _PARTS if not hasattr(candidate, part)]
    if absent:
        raise _unfit(reference, f"it lacks {', '.join(absent)}")
    return Plugin(candidate, reference)


def _unfit(reference: str, what: str, params: Params | None = None) -> TenureError:
    settings = f" (settings: {dict(params)})" if params is not None else ""
    return TenureError(
        f"the candidate {reference!r} breaks its promise: {what}{settings}",
        where="model.candidates",
        todo=_CHECK,
    )
