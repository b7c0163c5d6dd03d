"""What the gate found: numbered findings with their evidence, in words, as data, and how to let one pass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from tenure.config.leakage import LEAKAGE_CODES
from tenure.prepare.waivers import apply_waivers
from tenure.records import Estimate

Severity = Literal["critical", "warning"]
Number = float | int | Estimate


@dataclass(frozen=True, slots=True)
class Finding:
    """One leak, or what looks like one.

    code: see docs/leakage.md.  column: None when it is about the table.  what: the evidence in a sentence.
    numbers: the evidence; an Estimate where it is estimated, its interval holding for all columns together.
    examples: a few rows or values that show it.  todo: the next step.  waived: why it may pass, or None.
    """

    code: str
    severity: Severity
    column: str | None
    what: str
    todo: str
    numbers: Mapping[str, Number] = field(default_factory=dict)
    examples: Sequence[Mapping[str, Any]] = ()
    waived: str | None = None

    @property
    def subject(self) -> str | None:
        """What a waiver names: the column."""
        return self.column

    @property
    def stops(self) -> bool:
        """Whether no model may be trained while it stands."""
        return self.severity == "critical" and self.waived is None

    def to_dict(self) -> dict[str, Any]:
        """The finding as JSON data."""
        body = asdict(self)
        return {**body, "title": LEAKAGE_CODES[self.code], "examples": [dict(e) for e in self.examples]}

    def __str__(self) -> str:
        """One line: severity, code, column, evidence; for a waived one the reason.

        >>> str(Finding("L301", "critical", "refund", "is filled in only for churn = yes", "leave it out"))
        "critical L301 'refund': is filled in only for churn = yes"
        """
        place = f"{self.column!r}" if self.column is not None else "the table"
        head = f"{self.severity} {self.code} {place}: {self.what}"
        return head if self.waived is None else f"waived {head} (waived: {self.waived})"


@dataclass(frozen=True, slots=True)
class Findings:
    """All findings, the gravest first.

    not_run: check to why it could not be run.  unused: waivers that fitted no finding, as (code, column).
    """

    found: tuple[Finding, ...] = ()
    not_run: Mapping[str, str] = field(default_factory=dict)
    unused: tuple[tuple[str, str], ...] = ()

    @property
    def stopping(self) -> tuple[Finding, ...]:
        """Critical findings that are not waived."""
        return tuple(finding for finding in self.found if finding.stops)

    def warnings(self) -> list[str]:
        """One line for each finding that does not stop the run, and for each unused waiver."""
        lines = [str(finding) for finding in self.found if not finding.stops]
        return lines + [
            f"leakage.waive.{code}: {column!r} fits no finding; take the waiver out"
            for code, column in self.unused
        ]

    def to_dict(self) -> dict[str, Any]:
        """The findings as JSON data."""
        return {
            "found": [finding.to_dict() for finding in self.found],
            "not_run": dict(self.not_run),
            "unused_waivers": [{"code": code, "column": column} for code, column in self.unused],
        }


def settle(
    found: Iterable[Finding], not_run: Mapping[str, str], waive: Mapping[str, Mapping[str, str]]
) -> Findings:
    """Put findings in order of gravity and mark those that are waived.

    waive: code -> column (or "*") -> reason.
    """
    marked, unused = apply_waivers(found, waive)
    marked.sort(key=lambda f: (f.waived is not None, f.severity != "critical", f.code))
    return Findings(tuple(marked), dict(not_run), unused)
