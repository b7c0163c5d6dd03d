"""Findings and the waivers that let them pass, whatever the findings are about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Protocol, TypeVar

from tenure.config.waivers import ANY


class Waivable(Protocol):
    """A numbered finding, a frozen dataclass. subject: what a waiver names; None: only ANY fits."""

    @property
    def code(self) -> str: ...
    @property
    def subject(self) -> str | None: ...
    @property
    def waived(self) -> str | None: ...


F = TypeVar("F", bound=Waivable)
Waivers = Mapping[str, Mapping[str, str]]


def apply_waivers(found: Iterable[F], waive: Waivers) -> tuple[list[F], tuple[tuple[str, str], ...]]:
    """Mark what is waived with its reason; returns the findings and the waivers, (code, subject), that fit none.

    waive: code -> subject (or ANY) -> reason.
    """
    used: set[tuple[str, str]] = set()

    def marked(finding: F) -> F:
        reasons = waive.get(finding.code, {})
        for key in (finding.subject, ANY):
            if key is not None and key in reasons:
                used.add((finding.code, key))
                return replace(finding, waived=reasons[key])  # type: ignore[type-var]
        return finding

    marked_all = [marked(finding) for finding in found]
    given = [(code, subject) for code, subjects in waive.items() for subject in subjects]
    return marked_all, tuple(key for key in given if key not in used)
