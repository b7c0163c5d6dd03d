"""A new project: look at the table, write a commented tenure.yaml."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tenure.config import parse_config, written_source
from tenure.durable import write_durably
from tenure.errors import ColumnsMissing, ConfigError, ProjectError
from tenure.project.folder import Folder
from tenure.project.proposals import look_for_spellings, render_levels

if TYPE_CHECKING:
    from tenure.prepare.recipe import ColumnRecipe, Recipe
    from tenure.prepare.sources import Source
    from tenure.prepare.spellings import Proposal

_ROWS_LOOKED_AT = 20_000


@dataclass(frozen=True, slots=True)
class Request:
    """What the user said on the command line about a new project."""

    source: str
    target: str
    positive: str | None = None
    id: str | None = None
    time: str | None = None
    delimiter: str | None = None
    budget: str = "120s"
    encoding: str | None = None
    query: str | None = None
    table: str | None = None

    @property
    def written(self) -> dict[str, str | None]:
        """How the table is written and what of a database is asked for, as keys of `data`."""
        return {name: getattr(self, name) for name in ("delimiter", "encoding", "query", "table")}


def create_project(folder: Folder, request: Request) -> Recipe:
    """Look at the table, then write tenure.yaml into the folder; nothing is written when the table is unfit.

    Returns what was seen of the columns. Raises SourceError or TargetError for the table, ProjectError when
    the folder has a tenure.yaml already or cannot be written.
    """
    if folder.config_file.exists():
        raise ProjectError(
            "the folder has a tenure.yaml already",
            where=str(folder.root),
            todo="edit it, or choose another folder",
        )
    recipe, proposals = _look(request)
    text = _render(folder, request, recipe, proposals)
    parse_config(text, str(folder.config_file))
    folder.make()
    write_durably(folder.config_file, text)
    return recipe


def check_agreement(folder: Folder, request: Request) -> None:
    """Refuse a command line that contradicts the tenure.yaml that is there: one file says what a project is."""
    data = folder.config().data
    written = {
        "source": str((folder.root / data.source).resolve())
        if data.source and "://" not in data.source
        else data.source,
        "target": data.target,
        "positive": data.positive,
        "id": data.id,
        "time": data.time,
        **{name: getattr(data, name) for name in request.written},
    }
    given = {
        "source": str(Path(request.source).resolve()) if "://" not in request.source else request.source,
        "target": request.target,
        "positive": request.positive,
        "id": request.id,
        "time": request.time,
        **request.written,
    }
    for key, value in given.items():
        if value is not None and value != written[key]:
            raise ConfigError(
                f"the command line says {key} {value!r}, the project says {written[key]!r}",
                where=str(folder.config_file),
                todo=f"edit data.{key} in tenure.yaml, drop the argument, or pass --project with a new folder",
            )


def project_name(source: str) -> str:
    """Return a name for a project on this source.

    >>> project_name("data/Telco churn.csv.gz")
    'telco-churn'
    """
    stem = re.sub(
        r"\.(csv|tsv|txt|parquet|pq|json|ndjson|jsonl|xlsx|xls)?(\.gz)?$", "", Path(source).name, flags=re.I
    )
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._").lower()
    return name or "project"


def _look(request: Request) -> tuple[Recipe, list[Proposal]]:
    from tenure.prepare.sources import open_source

    config = written_source(request.source, request.written)
    with tempfile.TemporaryDirectory() as keep:
        return _seen(open_source(config, Path.cwd(), Path(keep), look=_ROWS_LOOKED_AT), request)


def _seen(source: Source, request: Request) -> tuple[Recipe, list[Proposal]]:
    from tenure.prepare.learn import learn_recipe, learn_target
    from tenure.prepare.sources import check_source, scan

    facts = check_source(source)
    named = [c for c in (request.target, request.id, request.time) if c is not None]
    missing = [c for c in named if c not in facts.columns]
    if missing:
        raise ColumnsMissing(missing, facts.columns, where=source.name)
    table = scan(source, has_blank_lines=facts.has_blank_lines)
    target = learn_target(table.select(request.target).collect().to_series(), request.positive, None)
    sample = table.head(_ROWS_LOOKED_AT).collect()
    recipe = learn_recipe(sample, target, id=request.id, time=request.time)
    return recipe, look_for_spellings(recipe, sample)


def _render(folder: Folder, request: Request, recipe: Recipe, proposals: Sequence[Proposal]) -> str:
    source = request.source
    if "://" not in source:
        source = os.path.relpath(Path(source).resolve(), folder.root)
    target = recipe.target
    lines = [
        "# Everything about this project. Unknown keys are refused; `tenure schema` prints all that are valid.",
        f"name: {_text(project_name(folder.root.name))}",
        "data:",
        f"  source: {_text(source)}",
        f"  target: {_text(request.target)}    # {_in_a_comment(_describe_target(recipe))}",
        f"  positive: {_text(target.positive)}    # the class that `probability` speaks of"
        if target.task == "binary"
        else "  positive: null",
        f"  id: {_text(request.id)}    # {_in_a_comment(_hint_for_id(recipe))}",
        f"  time: {_text(request.time)}    # {_in_a_comment(_hint_for_time(recipe))}",
        "  group: null    # rows with the same value of this column never straddle the split",
        "  exclude: []    # columns known to be unusable, such as those filled in after the fact",
        *render_levels(proposals),
        "  nulls: {}    # column: [values that mean missing, such as -999]",
        *(f"  {name}: {_text(value)}" for name, value in request.written.items() if value),
        "split: {validation: 0.2, test: 0.2, seed: 0}    # shares of the rows; the rest is for training",
        "model:",
        "  candidates: [logistic, forest, xgboost, lightgbm, catboost]",
        "  metric: null       # roc_auc for two classes, log_loss for more, rmse for a number",
        f"  budget: {request.budget:<10} # wall time of tuning and fitting",
        "  threshold: f1      # what the decision threshold maximises: f1, mcc, accuracy, or a number",
        "serve: {max_body: 1MB}",
        "monitor: {window: 7d, label_delay: 30d, false_alarms: 0.05}",
        "retrain: {when: [drift, performance, age], promote: automatic}",
        "store: {registry: null}    # null: embedded; or the address of an MLflow server",
        "",
        "# The columns as they were seen:",
    ]
    names = [_in_a_comment(column.name) for column in recipe.columns]
    width = max(map(len, names), default=0)
    for name, column in zip(names, recipe.columns, strict=True):
        note = recipe.ignored.get(column.name)
        detail = _in_a_comment(f"not used: {note}" if note else _detail(column))
        lines.append(f"#   {name:<{width}}  {column.kind:<10}  {detail}".rstrip())
    return "\n".join(lines) + "\n"


def _in_a_comment(text: str) -> str:
    """What the table holds must not end a comment's line, nor hold what YAML refuses."""
    return text if text.isprintable() else json.dumps(text)


def _text(value: str | None) -> str:
    return "null" if value is None else json.dumps(value, ensure_ascii=False)


def _describe_target(recipe: Recipe) -> str:
    target = recipe.target
    if target.task == "regression":
        return "a number: regression"
    return f"{target.task}: {', '.join(target.classes[:6])}{', …' if len(target.classes) > 6 else ''}"


def _hint_for_id(recipe: Recipe) -> str:
    found = [
        column.name for column in recipe.columns if column.kind == "identifier" and column.name != recipe.id
    ]
    return (
        f"looks like an identifier: {', '.join(found)}"
        if found
        else "the column that names a row; never a feature"
    )


def _hint_for_time(recipe: Recipe) -> str:
    found = [column.name for column in recipe.columns if column.kind == "date" and column.name != recipe.time]
    return f"looks like a date: {', '.join(found)}" if found else "a date column makes the split go by time"


def _detail(column: ColumnRecipe) -> str:
    parts = []
    if column.bounds and column.kind in ("number", "integer"):
        parts.append(f"{column.bounds[0]:g} to {column.bounds[1]:g}")
    if column.kind == "category":
        shown = ", ".join(column.levels[:4])
        parts.append(f"{len(column.levels)} levels: {shown}{', …' if len(column.levels) > 4 else ''}")
    if column.kind == "boolean":
        parts.append(" / ".join(column.labels))
    if column.nullable:
        parts.append("has missing values")
    return "; ".join(parts)
