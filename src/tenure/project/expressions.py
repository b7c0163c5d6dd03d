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
    """Parse every expression; needs no table, and imports nothing where there is none.

    Raises ExpressionError for the first that is wrong, ExtraMissing without sqlglot.
    """
    label = config.data.label
    condition = label.where if label else None
    if not config.features and not config.data.rules and condition is None:
        return
    from tenure.prepare.sql.expression import Written
    from tenure.prepare.sql.parse import parse

    written = [*written_features(config).values(), *(rule for rule, _ in written_rules(config))]
    if condition is not None:
        written.append(Written(condition, place_of_condition(config)))
    for expression in written:
        parse(expression.sql, expression.where)
