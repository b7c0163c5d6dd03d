"""The SQL expressions of tenure.yaml, with their places in the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenure.config import ProjectConfig

if TYPE_CHECKING:
    from tenure.prepare.recipe import Then
    from tenure.prepare.sql.expression import Written


def written_features(config: ProjectConfig) -> dict[str, Written]:
    """Each feature's expression, in the file's order."""
    from tenure.prepare.sql.expression import Written

    return {name: Written(sql, config.place("features", name)) for name, sql in config.features.items()}


def written_rules(config: ProjectConfig) -> list[tuple[Written, Then]]:
    """Each rule's expression, and what happens to a row that breaks it."""
    from tenure.prepare.sql.expression import Written

    return [
        (Written(rule.rule, config.place("data", "rules", number)), rule.then)
        for number, rule in enumerate(config.data.rules)
    ]


def place_of_condition(config: ProjectConfig) -> str:
    """Where the label's condition stands."""
    return config.place("data", "label", "where")


def check_expressions(config: ProjectConfig) -> None:
    """Parse every expression, and refuse columns that none may read; needs no table.

    Imports nothing where there is no expression.
    Raises ExpressionError for the first that is wrong, ExtraMissing without sqlglot.
    """
    label = config.data.label
    condition = label.where if label else None
    if not config.features and not config.data.rules and condition is None:
        return
    from tenure.prepare.sql.check import check_names
    from tenure.prepare.sql.expression import Written
    from tenure.prepare.sql.parse import parse
    from tenure.prepare.sql.tree import columns_of

    unusable = _unusable(config)
    written = [*written_features(config).values(), *(rule for rule, _ in written_rules(config))]
    for expression in written:
        tree = parse(expression.sql, expression.where)
        others = [name for name in columns_of(tree) if name not in unusable]
        check_names(tree, others, sql=expression.sql, where=expression.where, unusable=unusable)
    if condition is not None:  # over the columns of an event table, which is not open yet
        found = Written(condition, place_of_condition(config))
        tree = parse(found.sql, found.where)
        check_names(tree, columns_of(tree), sql=found.sql, where=found.where)


def _unusable(config: ProjectConfig) -> dict[str, str]:
    """Columns of the table that no expression may read, and why."""
    data = config.data
    roles = ((data.split_group, "the group column"), (data.id, "the id column"))
    found = {name: why for name, why in roles if name is not None}
    found |= {**data.excluded, data.target: "it is the target"}
    return {name: why for name, why in found.items() if name != data.split_time}
