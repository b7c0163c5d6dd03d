"""The card's part on how the model was chosen and where it fails: claim, leaderboard, steps, slices, checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def claim_lines(metrics: Mapping[str, Any]) -> list[str]:
    """What may be said of the model."""
    return [f"**Claim.** {metrics['claim']}", ""] if "claim" in metrics else []


def coverage_lines(metrics: Mapping[str, Any]) -> list[str]:
    """How often the intervals or prediction sets held the outcomes of the test rows; [] where there are none."""
    lines = []
    if "intervals" in metrics:
        told = metrics["intervals"]
        lines.append(
            f"Intervals of {told['coverage']:.0%}: `low` to `high` held the outcome in "
            f"{estimate_text(told['on_test'])} of the test rows; they are {told['mean_width']:.5g} wide"
        )
    if "sets" in metrics:
        told = metrics["sets"]
        sizes = ", ".join(f"{size} in {share:.1%}" for size, share in told["sizes"].items())
        lines.append(
            f"Prediction sets of {told['coverage']:.0%}: they held the class of "
            f"{estimate_text(told['on_test'])} of the test rows; {told['mean_size']:.2f} classes a row ({sizes})"
        )
    return lines


def card_of_judged(metrics: Mapping[str, Any]) -> list[str]:
    """Sections of the card; none for a release that was never judged."""
    lines: list[str] = []
    if metrics.get("leaderboard"):
        rows = [
            [e["model"], e["role"], estimate_text(e["value"]), estimate_text(e["gain"])]
            for e in metrics["leaderboard"]
        ]
        lines += _section(
            "How it was chosen", ["held-out training rows", "role", metrics["metric"], "winner's gain"], rows
        )
    if metrics.get("steps"):
        rows = [
            [s["step"], f"{s['loss']:.5g}", estimate_text(s["gain"]), str(s["trees"])]
            for s in metrics["steps"]
        ]
        lines += _section("What each step gained", ["step", "loss", "lower by", "trees a row"], rows)
    slices = metrics.get("slices", {}).get("measured", ())
    if slices:
        rows = [
            [s["name"], s["kind"], str(s["n"]), estimate_text(s["metric"]), estimate_text(s["gap"])]
            for s in slices
        ]
        lines += _section("Slices", ["test rows", "", "n", metrics["metric"], "worse than the rest by"], rows)
    if "checks" in metrics:
        found = metrics["checks"]["found"]
        lines += ["", "## Checks", ""] + ([f"- {finding_text(f)}" for f in found] or ["Every check passed."])
    return lines


def finding_text(f: Mapping[str, Any]) -> str:
    """One finding of a check in a line."""
    about = "" if f["subject"] is None else f" {f['subject']}"
    waived = "" if f["waived"] is None else f" (waived: {f['waived']})"
    return f"{f['severity']} {f['code']}{about}: {f['what']}{waived}"


def _section(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    table = [heads, ["---"] * len(heads), *rows]
    return ["", f"## {title}", "", *("| " + " | ".join(row) + " |" for row in table)]


def estimate_text(body: Mapping[str, float] | None) -> str:
    """A number with its interval; a dash for none."""
    return "–" if body is None else f"{body['value']:.4f} [{body['low']:.4f}, {body['high']:.4f}]"
