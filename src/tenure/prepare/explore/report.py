"""An exploration: what was found, shown as a page, as text, or as a document."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from tenure.prepare.explore.facts import (
    Association,
    ColumnFacts,
    Finding,
    Missingness,
    Repeats,
    TargetFacts,
    Trends,
)


@dataclass(frozen=True)
class Exploration:
    """What was found in a table.

    n_sample: rows that pictures by target, associations, gaps and trends are drawn from; counts, quantiles and
    top values are of all n_rows.  paired: columns of the associations, in table order.  head: first rows, as text.
    scope: which rows were looked at, when not all.
    """

    name: str
    n_rows: int
    n_sample: int
    target: TargetFacts | None
    columns: tuple[ColumnFacts, ...]
    findings: tuple[Finding, ...]
    paired: tuple[str, ...]
    associations: tuple[Association, ...]
    gaps: Missingness
    trends: Trends | None
    repeats: Repeats | None
    head: tuple[tuple[str, ...], ...]
    scope: str = "all rows"

    @property
    def missing_share(self) -> float:
        """Share of all cells that are missing."""
        cells = sum(column.n for column in self.columns)
        return sum(column.missing for column in self.columns) / cells if cells else 0.0

    def with_findings(self, findings: tuple[Finding, ...]) -> Exploration:
        """The same with these warnings."""
        return replace(self, findings=findings)

    def to_dict(self) -> dict[str, Any]:
        """JSON data; what is not finite is null."""
        found: dict[str, Any] = _plain(asdict(self))
        return found

    def to_html(self) -> str:
        """One self-contained page: no network, no font, no script from elsewhere."""
        from tenure.prepare.explore.draw.page import draw_page

        return draw_page(self)

    def to_text(self) -> str:
        """A summary for a terminal of 80 columns, the most important first."""
        from tenure.prepare.explore.draw.text import draw_text

        return draw_text(self)

    def _repr_html_(self) -> str:
        """The page inside a frame of its own, so that a notebook's styles and ours leave each other alone."""
        from tenure.prepare.explore.draw.page import draw_frame

        return draw_frame(self)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
