"""The ML Test Score: 28 tests, each judged by evidence that is verified when it is asked, never by a stored status."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from tenure.config import ProjectConfig
from tenure.errors import TenureError
from tenure.project.audit import data, infrastructure, model, monitoring
from tenure.project.audit.catalogue import SECTIONS, TESTS, Test
from tenure.project.audit.facts import Facts, NoEvidence
from tenure.project.audit.notes import Notes, read_notes
from tenure.project.folder import Folder

__all__ = ["Answer", "Audit", "audit"]

Evidence = Callable[[Facts], str]

EVIDENCE: dict[str, Evidence] = {
    "data-1": data.schema,
    "data-2": data.beneficial,
    "data-3": data.cost,
    "data-4": data.rules,
    "data-5": data.privacy,
    "data-6": data.quick,
    "data-7": data.feature_code,
    "model-1": model.reviewed,
    "model-2": model.online,
    "model-3": model.tuned,
    "model-4": model.staleness,
    "model-5": model.simpler,
    "model-6": model.slices,
    "model-7": model.inclusion,
    "infrastructure-1": infrastructure.reproducible,
    "infrastructure-2": infrastructure.specification,
    "infrastructure-3": infrastructure.whole_way,
    "infrastructure-4": infrastructure.validated,
    "infrastructure-5": infrastructure.debugging,
    "infrastructure-7": infrastructure.rollback,
    "monitoring-2": monitoring.invariants,
    "monitoring-3": monitoring.no_skew,
    "monitoring-4": monitoring.fresh,
    "monitoring-5": monitoring.sound,
    "monitoring-6": monitoring.speed,
    "monitoring-7": monitoring.quality,
}
"""Test -> what looks for its evidence; a test without one scores zero until its stage exists."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One test and its points: 1 by evidence, 0.5 by a note, 0 without; None: not for this project.

    why: what was seen, or what is missing.
    """

    test: Test
    points: float | None
    why: str


@dataclass(frozen=True, slots=True)
class Audit:
    """All answers, in the order of the catalogue."""

    answers: tuple[Answer, ...]

    @property
    def sections(self) -> dict[str, float]:
        """Points of each section; what is not for this project adds nothing."""
        return {
            section: sum(a.points or 0.0 for a in self.answers if a.test.section == section)
            for section in SECTIONS
        }

    @property
    def score(self) -> float:
        """The smallest of the four sums: a chain is as strong as its weakest link."""
        return min(self.sections.values())

    def to_dict(self) -> dict[str, Any]:
        """The document of `tenure audit --json`."""
        tests = [{**asdict(a.test), "points": a.points, "why": a.why} for a in self.answers]
        return {"score": self.score, "sections": self.sections, "tests": tests}

    def to_text(self) -> str:
        """One line a test, section by section, and the sums."""
        lines: list[str] = []
        for section, points in self.sections.items():
            own = [a for a in self.answers if a.test.section == section]
            lines += [f"{section}: {points:g} of {sum(a.points is not None for a in own)}"]
            for answer in own:
                mark = "n/a" if answer.points is None else f"{answer.points:g}"
                lines += [f"  {mark:>3}  {answer.test.key:<17} {answer.test.asks}", f"{'':24}{answer.why}"]
        lines.append(f"score: {self.score:g}, the smallest of the four sums (Breck et al. 2017)")
        return "\n".join(lines)


def audit(folder: Folder, config: ProjectConfig) -> Audit:
    """Judge the champion by what can be verified now. Raises ConfigError for mistakes in audit/notes.yaml."""
    facts, notes = Facts(folder, config), read_notes(folder.root)
    return Audit(tuple(_answer(test, facts, notes) for test in TESTS))


def _answer(test: Test, facts: Facts, notes: Notes) -> Answer:
    if test.key in notes.not_applicable:
        return Answer(test, None, notes.not_applicable[test.key])
    try:
        return Answer(test, 1.0, _look(test, facts))
    except NoEvidence as error:
        why = str(error)
    note = notes.of(test.key)
    if note is None:
        return Answer(test, 0.0, why)
    return Answer(test, 0.5, f"noted by {note.name}, {note.date}: {note.text} (no evidence: {why})")


def _look(test: Test, facts: Facts) -> str:
    look = EVIDENCE.get(test.key)
    if look is None:
        raise NoEvidence(test.evidence)
    try:
        return look(facts)
    except TenureError as error:
        raise NoEvidence(error.what) from error
    except (KeyError, TypeError, ValueError, AttributeError, OSError) as error:
        # evidence that lacks what it must hold, or holds something else, is none
        raise NoEvidence(f"the evidence cannot be read: {type(error).__name__} {error}") from error
