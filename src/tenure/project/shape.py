"""schema.json of a project: written once, then asked of every table that is prepared or scored."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tenure.config import TableSchema, load_schema
from tenure.config.schema import ColumnSchema
from tenure.durable import write_durably
from tenure.errors import ColumnsMissing, ProjectError, SourceError
from tenure.prepare.schema.breach import Breach, refuse_errors
from tenure.prepare.schema.infer import infer_schema, name_differences, propose
from tenure.prepare.schema.shape import ShapeChange, compare_shape
from tenure.prepare.schema.terms import terms_of
from tenure.project.folder import Folder

if TYPE_CHECKING:
    import polars as pl

    from tenure.project.prepared import Prepared

log = logging.getLogger(__name__)

_EDIT = "mend the table, or edit schema.json: a rule's severity may be error, warning or off"


def ask_of_prepared(folder: Folder, prepared: Prepared) -> list[str]:
    """Ask the project's schema.json of rows that were prepared; returns warnings. [] where there is none yet.

    Rules whose severity is error are asked of all rows, the others of the training part: what validation and test
    rows hold stands for rows to come, and is not looked into. What differs is proposed in schema.proposed.json.
    Raises SourceError that names what is refused, ConfigError when schema.json itself is wrong.
    """
    written = load_schema(folder.schema)
    if written is None:
        return []
    inferred = schema_of_rows(prepared)
    changes = compare_shape(written, list(inferred.columns), inferred.columns, "prepare")
    breaches = _find_breaches(written, inferred, prepared)
    proposal = propose(written, inferred)
    differences = name_differences(written, proposal)
    if differences:
        write_durably(folder.proposed_schema, proposal.to_json())
    else:
        folder.proposed_schema.unlink(missing_ok=True)
    where = f"the table, against {folder.schema}"
    _refuse_changes(changes, list(inferred.columns), where)
    refuse_errors(breaches, where, _EDIT)
    warnings = [str(finding) for finding in (*changes, *breaches)]
    if differences:
        shown = "; ".join(differences[:5]) + (
            f"; and {len(differences) - 5} more" if len(differences) > 5 else ""
        )
        warnings.append(f"{folder.proposed_schema.name} proposes what these rows need: {shown}")
    return warnings


def keep_schema(folder: Folder, prepared: Prepared) -> None:
    """Write schema.json where there is none, and remember the schema that the rows were prepared under."""
    written, inferred = load_schema(folder.schema), schema_of_rows(prepared)
    if written is None:
        written = inferred
        write_durably(folder.schema, written.to_json())
        log.info("wrote %s: what these rows show of each column; edit it as you like", folder.schema)
    new = {name: c for name, c in inferred.columns.items() if name not in written.columns}
    in_force = TableSchema(severity=written.severity, columns={**written.columns, **new})
    write_durably(folder.schema_in_force, in_force.to_json())


def schema_in_force(folder: Folder, prepared: Prepared) -> TableSchema:
    """The schema that the latest rows were prepared under, with the columns that it lacked as they were seen."""
    kept = load_schema(folder.schema_in_force)
    return schema_of_rows(prepared) if kept is None else kept


def schema_of_rows(prepared: Prepared) -> TableSchema:
    """What the training part of prepared rows shows of each column."""
    import polars as pl

    from tenure.prepare.schema.table import unique_of
    from tenure.prepare.split import PART, TRAIN

    recipe, rows = prepared.recipe, prepared.rows
    names = [column.name for column in recipe.own_features]
    nulls = prepared.nulls
    if nulls is None:
        training = rows.filter(pl.col(PART) == TRAIN).select(names)
        nulls = training.select(pl.all().null_count()).collect(engine="streaming").row(0, named=True)
    n_training = prepared.counts()["train"]
    shares = {name: nulls[name] / n_training for name in names}
    columns = [name for name in rows.collect_schema().names() if name != PART]
    ids = [recipe.id] if recipe.id in columns else []
    unique = dict.fromkeys(ids, True) if prepared.ids_differ else unique_of(ids, rows)
    return infer_schema(recipe, shares, columns, unique)


def schema_digest(folder: Folder) -> str:
    """SHA-256 of the schema that the latest rows were prepared under; "" where there is none."""
    path = folder.schema_in_force
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def check_unedited(folder: Folder) -> None:
    """Raise ProjectError where schema.json was edited after the rows were prepared: it was not asked of them."""
    written, in_force = load_schema(folder.schema), load_schema(folder.schema_in_force)
    if written is None or in_force is None:
        return
    same = {name: column for name, column in in_force.columns.items() if name in written.columns}
    if written.severity != in_force.severity or written.columns != same:
        raise ProjectError(
            "schema.json was edited after the rows were prepared",
            where=str(folder.schema),
            todo="run `tenure prepare`, which asks it of them",
        )


def ask_of_columns(
    schema: TableSchema, names: Sequence[str], head: pl.LazyFrame, where: str
) -> list[ShapeChange]:
    """Compare the columns of a table to be scored with the schema of its model.

    head: its first rows, from which columns that the schema does not list are learned.
    Raises SourceError that names the columns, what they seem to be called now, and why.
    """
    changes = compare_shape(schema, names, _learn_new(schema, names, head), "predict")
    _refuse_changes(changes, names, where)
    return changes


def ask_of_table(schema: TableSchema, names: Sequence[str], table: pl.LazyFrame) -> list[Breach]:
    """Which columns of a table to be scored hold a value twice that must be unique; [] where none is asked."""
    from tenure.prepare.schema.table import check_unique

    asked = {
        name: severity
        for name, column in schema.columns.items()
        if column.unique
        and name in names
        and (severity := schema.severity_of("unique", "predict", name)) != "off"
    }
    return check_unique(asked, table)


@dataclass(frozen=True, slots=True)
class SchemaText:
    """A schema in some format: as JSON data, and as the text of a file."""

    document: dict[str, Any]
    text: str


def export_schema(folder: Folder, format: str) -> SchemaText:
    """schema.json in another format, with what the latest recipe knows of how cells are written.

    format: tenure, jsonschema (of one row), frictionless (Table Schema of the file) or pandera (Python, of the rows
    as they are kept).  Raises ProjectError when nothing was prepared yet.
    """
    from tenure.prepare.schema.export import to_frictionless, to_pandera
    from tenure.project.prepared import load_prepared
    from tenure.release.schema import row_schema

    prepared = load_prepared(folder)
    schema = load_schema(folder.schema) or schema_of_rows(prepared)
    if format == "tenure":
        return SchemaText(schema.to_document(), schema.to_json().rstrip("\n"))
    if format == "pandera":
        text = to_pandera(schema, prepared.recipe)
        return SchemaText({"python": text}, text.rstrip("\n"))
    export = to_frictionless if format == "frictionless" else None
    found = export(schema, prepared.recipe) if export else row_schema(prepared.recipe, schema)
    return SchemaText(found, json.dumps(found, indent=2, ensure_ascii=False))


def _find_breaches(written: TableSchema, inferred: TableSchema, prepared: Prepared) -> list[Breach]:
    import polars as pl

    from tenure.prepare.rules import rule_of
    from tenure.prepare.schema.table import TableCheck, check_unique
    from tenure.prepare.split import PART, TRAIN

    recipe, rows = prepared.recipe, prepared.rows
    terms = terms_of(written, recipe, "prepare")
    found = [
        Breach(t.column.name, "type", "error", rule_of(t.column), prepared.unread[t.column.name])
        for t in terms
        if t.severities["type"] == "error" and prepared.unread.get(t.column.name)
    ]
    names = [t.column.name for t in terms]
    for check, part in (
        (TableCheck(terms, ["error"]), rows),
        (TableCheck(terms, ["warning"]), rows.filter(pl.col(PART) == TRAIN)),
    ):
        if not check.asks_nothing:
            for batch in part.select(names).collect_batches(maintain_order=True):
                check.add(batch)
            found += check.breaches()
    asked = {
        name: severity
        for name, column in written.columns.items()
        if column.unique
        and name in inferred.columns
        and (severity := written.severity_of("unique", "prepare", name)) != "off"
    }
    return found + check_unique(asked, rows)


def _refuse_changes(changes: Sequence[ShapeChange], names: Sequence[str], where: str) -> None:
    errors = [change for change in changes if change.severity == "error"]
    missing = [change.column for change in errors if change.change in ("missing", "renamed")]
    if missing:
        raise ColumnsMissing(missing, names, where, [str(change) for change in errors])
    if errors:
        raise SourceError(
            "\n  ".join(["the table is not as schema.json has it:", *map(str, errors)]),
            where=where,
            todo=_EDIT,
        )


def _learn_new(schema: TableSchema, names: Sequence[str], head: pl.LazyFrame) -> Mapping[str, ColumnSchema]:
    """What the first rows show of the columns that are new, where any that is needed is missing."""
    from tenure.prepare.learn import learn_column
    from tenure.prepare.schema.infer import describe_column

    if all(name in names for name in schema.features):
        return {}
    new = head.select(name for name in names if name not in schema.columns).collect()
    return {cells.name: describe_column(learn_column(cells.name, cells)) for cells in new}
