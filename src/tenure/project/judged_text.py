"""The claim, the leaderboard, the steps and the weak slices of a run, as lines that a person reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tenure.release.card_judged import coverage_lines

MOST_SLICES = 8


def describe_judged(judged: Mapping[str, Any]) -> list[str]:
    """Lines for the report of a run; none where nothing was judged."""
    if not judged:
        return []
    lines = ["", f"claim: {judged['claim']}", f"intervals: {judged['intervals_speak_of']}"]
    lines += coverage_lines(judged)
    if judged["leaderboard"]:
        lines += ["", "leaderboard on held-out training rows, and the winner's gain over each:"]
        lines += [
            f"  {row['model']} ({row['role']}): {_estimate(row['value'])}{_gain(row)}"
            for row in judged["leaderboard"]
        ]
    if judged["steps"]:
        lines += ["", "what each step lowered the held-out loss by, and the trees that score a row after it:"]
        lines += [
            f"  {s['step']} ({s['model']}): loss {s['loss']:.5g}{_gain(s)}, {s['trees']} trees"
            for s in judged["steps"]
        ]
    lines.append(
        f"one row, from raw to score, takes {judged['serving']['microseconds']:.0f} µs (measured here)"
    )
    slices = judged["slices"]["measured"][:MOST_SLICES]
    if slices:
        lines += ["", "slices on the test rows:"]
        lines += [
            f"  {s['name']} ({s['kind']}, {s['n']} rows): {_estimate(s['metric'])}{_gap(s)}" for s in slices
        ]
    return [*lines, ""]


def _gain(row: Mapping[str, Any]) -> str:
    return "" if row["gain"] is None else f", gain {_estimate(row['gain'])}"


def _gap(one: Mapping[str, Any]) -> str:
    return "" if one["gap"] is None else f", worse than the rest by {_estimate(one['gap'])}"


def _estimate(body: Mapping[str, float] | None) -> str:
    return "-" if body is None else f"{body['value']:.4f} [{body['low']:.4f}, {body['high']:.4f}]"
