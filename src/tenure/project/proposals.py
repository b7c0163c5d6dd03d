"""What `tenure init` proposes about spellings, as lines of a tenure.yaml that a person overrules by editing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

    from tenure.prepare.recipe import Recipe
    from tenure.prepare.spellings import Proposal


def look_for_spellings(recipe: Recipe, rows: pl.DataFrame) -> list[Proposal]:
    """Proposals for every category of a table. rows: raw, with the target."""
    from tenure.prepare.columns import target_values
    from tenure.prepare.spellings import propose_spellings

    target = recipe.target
    y = None if target.task == "multiclass" else target_values(target, rows[target.name])
    return [
        proposal
        for column in recipe.own_features
        for proposal in propose_spellings(column, rows[column.name], y)
    ]


def render_levels(proposals: Sequence[Proposal]) -> list[str]:
    """The lines of data.levels: what is safe stands there, what is not is commented out; each with its evidence."""
    is_any_safe = any(proposal.is_safe for proposal in proposals)
    lines = [f"  levels:{'' if is_any_safe else ' {}'}    # column: {{spelling: the level it stands for}}"]
    for name in dict.fromkeys(proposal.column for proposal in proposals):
        own = [proposal for proposal in proposals if proposal.column == name]
        mark = "" if any(proposal.is_safe for proposal in own) else "# "
        lines.append(f"    {mark}{_quoted(name)}:")
        for proposal in own:
            mark = "" if proposal.is_safe else "# "
            pair = f"{_quoted(proposal.spelling)}: {_quoted(proposal.level)}"
            lines.append(f"    {mark}  {pair}    # {proposal.evidence}")
    return lines


def _quoted(text: str) -> str:
    """A YAML scalar on one line, whatever the table holds."""
    return json.dumps(text, ensure_ascii=not text.isprintable())
