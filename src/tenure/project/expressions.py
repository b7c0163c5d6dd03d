"""The SQL expressions of tenure.yaml, with their places in the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenure.config import ProjectConfig

if TYPE_CHECKING:
    from tenure.prepare.recipe import Then
    from tenure.prepare.sql.learn import Written


def written_features(config: ProjectConfig) -> dict[str, Written]:
    """Each feature's expression, in the file's order."""
    from tenure.prepare.sql.learn import Written

    return {name: Written(sql, config.place("features", name)) for name, sql in config.features.items()}


def written_rules(config: ProjectConfig) -> list[tuple[Written, Then]]:
    """Each rule's expression, and what happens to a row that breaks it."""
    from tenure.prepare.sql.learn import Written

    return [
        (Written(rule.rule, config.place("data", "rules", number)), rule.then)
        for number, rule in enumerate(config.data.rules)
    ]


def check_expressions(config: ProjectConfig) -> None:
    """Parse every expression before any table is read. Raises ExpressionError for the first that is wrong."""
    if not config.features and not config.data.rules:
        return
    from tenure.prepare.sql.parse import parse

    for written in (*written_features(config).values(), *(rule for rule, _ in written_rules(config))):
        parse(written.sql, written.where)
