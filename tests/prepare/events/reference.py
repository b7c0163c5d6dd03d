"""The panel by loops over rows: slow, plain, and written from the documentation rather than from the code."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

DAY = 86_400_000_000


@dataclass(frozen=True)
class Event:
    """One row of a table of calls; times in microseconds."""

    key: str
    time: int
    known: int
    minutes: float | None
    kind: str | None


def values_in_window(
    events: list[Event], key: str, cutoff: int, window: int | None, column: str
) -> list[Any]:
    """The (time, value) pairs that a window may see, by time, then by when they became known."""
    seen = [
        event
        for event in events
        if event.key == key
        and event.time <= cutoff
        and event.known <= cutoff
        and (window is None or event.time > cutoff - window)
    ]
    seen.sort(key=lambda event: (event.time, event.known))
    return [(event.time, None if column == "*" else getattr(event, column)) for event in seen]


def aggregate(name: str, pairs: list[tuple[int, Any]], cutoff: int) -> Any:
    there = [(time, value) for time, value in pairs if value is not None]
    values = [value for _, value in there]
    always = {"count": len(pairs), "sum": 0.0, "distinct": len(set(values))}
    if name in always and (name != "sum" or not values):
        return always[name]
    if name == "days_since_last":
        return (cutoff - max(time for time, _ in pairs)) / DAY if pairs else None
    if not values:
        return None
    if name == "trend":
        return slope([((time - cutoff) / DAY, value) for time, value in there])
    return {
        "sum": lambda: math.fsum(values),
        "mean": lambda: math.fsum(values) / len(values),
        "min": lambda: min(values),
        "max": lambda: max(values),
        "last": lambda: values[-1],
    }[name]()


def slope(points: list[tuple[float, float]]) -> float | None:
    if len({x for x, _ in points}) < 2:
        return None
    mean_x = math.fsum(x for x, _ in points) / len(points)
    mean_y = math.fsum(y for _, y in points) / len(points)
    over = math.fsum((x - mean_x) * (y - mean_y) for x, y in points)
    return over / math.fsum((x - mean_x) ** 2 for x, _ in points)


def label(events: list[Event], key: str, cutoff: int, within: int, until: int) -> str | None:
    """yes: no call in the label window; None: too early to tell."""
    if cutoff + within > until:
        return None
    return "no" if any(e.key == key and cutoff < e.time <= cutoff + within for e in events) else "yes"
