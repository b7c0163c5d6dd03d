"""Waivers of numbered checks: a code, what it is about, and why it may pass."""

from __future__ import annotations

from collections.abc import Mapping

from tenure.errors import nearest_names

ANY = "*"
"""Stands for whatever the finding is about."""


def check_waivers(value: Mapping[str, Mapping[str, str]], codes: Mapping[str, str], missing: str) -> None:
    """Raise ValueError for a code that there is not, or a waiver without a reason.

    value: code -> subject (or ANY) -> reason.  codes: code -> title.  missing: what the reason has to say.
    """
    for code, subjects in value.items():
        if code not in codes:
            hint = nearest_names([code], codes)
            known = f"did you mean {hint[0]}?" if hint else f"known are {', '.join(codes)}"
            raise ValueError(f"there is no check {code!r}; {known}")
        bare = [subject for subject, reason in subjects.items() if not reason.strip()]
        if bare:
            raise ValueError(f"{code} for {bare[0]!r} is waived without a reason; say why {missing}")
