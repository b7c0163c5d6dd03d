"""Counterfactuals: the fewest and smallest changes of a row after which the release says something else.

Source of the question: Wachter, Mittelstadt and Russell (2018), "Counterfactual explanations without opening the black
box", Harvard JL & Tech 31(2). Distance: the number of changed columns first, then Gower's (1971) with ranks for numbers
(Podani 1999): for a number or date the share of the reference rows between the two values, for words 1.

Every single change is tried. Two and more are searched by a beam: the most promising sets are kept and widened, which
finds good sets and does not prove that there is none. Everything is scored by Scorer.score_row: what is proposed is
what the service would answer, schema and rules included.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tenure.errors import RowsRefused, TenureError, nearest_names
from tenure.records import Score
from tenure.release.changes import Step
from tenure.release.scorer import Scorer

MOST_CHANGES = 3
MOST_FOUND = 5
BEAM = 12
WIDENED_BY = 30
"""Columns that a set is widened by: those that alone get nearest."""
STEPS_A_COLUMN = 11
"""Of a column when a set is widened."""
MOST_SCORED, MOST_CELLS = 30_000, 1_500_000
"""Rows that are scored at most, and their cells: some seconds."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What is to be said of the row. gap: how far a score is from it, 0 where it is reached.  words: for a person."""

    words: str
    gap: Callable[[Score], float]


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """A set of changes that reaches the goal. size: the sum of its steps."""

    steps: tuple[Step, ...]
    score: Score
    size: float

    def to_dict(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """As JSON data."""
        return {
            "changes": [
                {"column": step.column, "from": row.get(step.column), "to": step.value} for step in self.steps
            ],
            "size": self.size,
            "prediction": self.score.prediction,
            "probability": self.score.probability,
        }


@dataclass(frozen=True, slots=True)
class Search:
    """What came out. found: the fewest changes only, the smallest first; () where none was found.

    tried: single changes that are allowed.  scored: rows that were scored.  whole: whether the search was not cut off.
    """

    goal: str
    found: tuple[Counterfactual, ...]
    up_to: int
    tried: int
    scored: int
    whole: bool = True


def goal_of(scorer: Scorer, score: Score, to: str | None = None) -> Goal:
    """The goal: another decision, a class by its name, or a score of at least (at most) a number.

    to: a class, or a number: a probability for two classes, the predicted number for regression; None: any other
    decision. Raises TenureError where it fits no class and is no number, or is what the row has already.
    """
    if to is not None and to in scorer.classes:
        if to == score.prediction:
            raise TenureError(f"the row is decided for {to!r} already", todo="name another class with --to")
        return Goal(f"a decision for {to}", lambda found: _gap_to_class(scorer, found, to))
    if to is not None:
        return _number_goal(scorer, score, to)
    if scorer.task == "regression":
        raise TenureError(
            "a predicted number has no decision that could change",
            todo="pass --to VALUE, the number to reach",
        )
    label = str(score.prediction)
    if scorer.task == "binary":
        other = next(name for name in scorer.classes if name != label)
        return Goal(f"a decision for {other}", lambda found: _gap_to_class(scorer, found, other))
    return Goal(f"a decision for another class than {label}", lambda found: _gap_from_class(found, label))


def _number_goal(scorer: Scorer, score: Score, to: str) -> Goal:
    try:
        wanted = float(to)
    except ValueError:
        hints = nearest_names([to], scorer.classes)
        known = f"the classes are {', '.join(scorer.classes)}" if scorer.classes else "a number is expected"
        raise TenureError(
            f"--to {to!r} is no class and no number; {known}",
            todo=f"did you mean {hints[0]!r}?" if hints else "correct the option",
        ) from None
    if scorer.task == "multiclass":
        raise TenureError(
            "of several classes --to names one", todo=f"choose one of {', '.join(scorer.classes)}"
        )
    if scorer.task == "binary" and not 0.0 < wanted < 1.0:
        raise TenureError(f"a probability lies between 0 and 1, got --to {to}", todo="correct the option")
    what = "a number" if scorer.task == "regression" else f"a probability of {scorer.positive}"
    if _told(score) < wanted:
        return Goal(f"{what} of at least {to}", lambda found: max(0.0, wanted - _told(found)))
    return Goal(f"{what} of at most {to}", lambda found: max(0.0, _told(found) - wanted))


def _told(score: Score) -> float:
    return float(score.prediction) if score.probability is None else score.probability


def _gap_to_class(scorer: Scorer, score: Score, label: str) -> float:
    if score.prediction == label:
        return 0.0
    chances = score.probabilities or {}
    if scorer.task == "binary":
        return max(abs(chances[str(scorer.positive)] - scorer.threshold), 1e-12)
    return max(max(chances.values()) - chances[label], 1e-12)


def _gap_from_class(score: Score, label: str) -> float:
    if score.prediction != label:
        return 0.0
    chances = score.probabilities or {}
    return max(chances[label] - max((p for name, p in chances.items() if name != label), default=0.0), 1e-12)


def search(
    scorer: Scorer,
    row: Mapping[str, Any],
    steps: Sequence[Step],
    goal: Goal,
    most_changes: int = MOST_CHANGES,
) -> Search:
    """The fewest, smallest changes that reach the goal, at most five sets of them, each of other columns.

    row: a raw row that the schema lets pass.  steps: single changes, see changes.steps_of.
    """
    trial = _Trial(scorer, row, goal, frozenset(_warned(scorer.score_row(row))))
    singles = _thinned(steps, trial.most // 2)
    level = [made for step in singles if (made := trial.of((step,))) is not None]
    whole = len(singles) == len(steps)
    for size in range(1, most_changes + 1):
        hits = [made for made in level if made.gap == 0.0]
        if hits or size == most_changes:
            found = _distinct([trial.shrunk(made, singles) for made in _distinct(hits)])
            answers = tuple(Counterfactual(made.steps, made.score, made.size) for made in found)
            return Search(goal.words, answers, most_changes, len(steps), trial.scored, whole)
        if size == 1:
            wider = _wideners(level, singles)
        level, is_whole = trial.widened(_beam(level), wider)
        whole &= is_whole
    return Search(goal.words, (), most_changes, len(steps), trial.scored, whole)


@dataclass(frozen=True, slots=True)
class _Made:
    steps: tuple[Step, ...]
    score: Score
    gap: float

    @property
    def size(self) -> float:
        return sum(step.size for step in self.steps)

    @property
    def columns(self) -> frozenset[str]:
        return frozenset(step.column for step in self.steps)


@dataclass
class _Trial:
    scorer: Scorer
    row: Mapping[str, Any]
    goal: Goal
    warned: frozenset[tuple[str, str]]
    scored: int = 0

    @property
    def most(self) -> int:
        """Rows that may be scored."""
        return min(MOST_SCORED, max(2_000, MOST_CELLS // max(1, len(self.scorer.recipe.inputs))))

    def of(self, steps: tuple[Step, ...]) -> _Made | None:
        """The changed row's score; None where the service would refuse it, or warn of what it did not before."""
        self.scored += 1
        try:
            score = self.scorer.score_row({**self.row, **{step.column: step.value for step in steps}})
        except RowsRefused:
            return None
        if not _warned(score) <= self.warned:
            return None
        return _Made(steps, score, self.goal.gap(score))

    def widened(self, sets: Sequence[_Made], steps: Sequence[Step]) -> tuple[list[_Made], bool]:
        """Each set with one more column; and whether all were scored."""
        found: list[_Made] = []
        seen: set[frozenset[tuple[str, str]]] = set()
        for made in sets:
            for step in steps:
                key = frozenset((s.column, str(s.value)) for s in (*made.steps, step))
                if step.column in made.columns or key in seen:
                    continue
                seen.add(key)
                if self.scored >= self.most:
                    return found, False
                wider = self.of((*made.steps, step))
                if wider is not None:
                    found.append(wider)
        return found, True

    def shrunk(self, made: _Made, steps: Sequence[Step]) -> _Made:
        """The same without changes that are not needed, and with smaller ones where they suffice."""
        for step in made.steps:
            rest = tuple(other for other in made.steps if other is not step)
            if rest and (less := self.of(rest)) is not None and less.gap == 0.0:
                return self.shrunk(less, steps)
        for place, step in enumerate(made.steps):
            smaller = [s for s in steps if s.column == step.column and s.size < step.size]
            for other in sorted(smaller, key=lambda s: s.size):
                tried = self.of((*made.steps[:place], other, *made.steps[place + 1 :]))
                if tried is not None and tried.gap == 0.0:
                    made = tried
                    break
        return made


def _warned(score: Score) -> set[tuple[str, str]]:
    return {(problem.column, problem.rule) for problem in score.warnings}


def _distinct(sets: Sequence[_Made]) -> list[_Made]:
    """The best of each set of columns, the fewest changes first, then the smallest."""
    found: dict[frozenset[str], _Made] = {}
    for made in sorted(sets, key=lambda m: (len(m.steps), m.size)):
        found.setdefault(made.columns, made)
    return list(found.values())[:MOST_FOUND]


def _beam(level: Sequence[_Made]) -> list[_Made]:
    """The nearest to the goal, at most two of the same columns, so that one column does not fill it."""
    counts: dict[frozenset[str], int] = {}
    chosen = []
    for made in sorted(level, key=lambda m: (m.gap, m.size)):
        counts[made.columns] = counts.get(made.columns, 0) + 1
        if counts[made.columns] <= 2:
            chosen.append(made)
        if len(chosen) == BEAM:
            break
    return chosen


def _wideners(level: Sequence[_Made], steps: Sequence[Step]) -> list[Step]:
    """Steps of the columns that alone get nearest, a few of each."""
    nearest: dict[str, float] = {}
    for made in level:
        (step,) = made.steps
        nearest[step.column] = min(made.gap, nearest.get(step.column, made.gap))
    chosen = sorted(nearest, key=lambda name: nearest[name])[:WIDENED_BY]
    return [step for name in chosen for step in _few([s for s in steps if s.column == name], STEPS_A_COLUMN)]


def _thinned(steps: Sequence[Step], most: int) -> list[Step]:
    """All steps, or of each column so many that they are not more together."""
    if len(steps) <= most:
        return list(steps)
    by_column: dict[str, list[Step]] = {}
    for step in steps:
        by_column.setdefault(step.column, []).append(step)
    each = max(1, most // len(by_column))
    return [step for own in by_column.values() for step in _few(own, each)][:most]


def _few(steps: Sequence[Step], n: int) -> list[Step]:
    """At most n, evenly over all, both ends among them."""
    if len(steps) <= n:
        return list(steps)
    return [steps[round(i * (len(steps) - 1) / max(1, n - 1))] for i in range(n)]
