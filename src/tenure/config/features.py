"""SQL expressions in tenure.yaml: the names of derived features, and the rules that rows must keep."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from tenure.config.values import Strict

Name = Annotated[str, Field(min_length=1, max_length=100)]


class RuleConfig(Strict):
    """What must hold of every row; a row for which it is neither true nor false (a null in it) keeps it."""

    rule: str = Field(min_length=1, description="a condition on the row's columns, such as tenure >= 0")
    then: Literal["leave_out", "warn", "refuse"] = Field(
        "leave_out",
        description="a row that breaks it is left out and counted; only counted; or nothing is prepared",
    )


def _as_rule(value: Any) -> Any:
    return {"rule": value} if isinstance(value, str) else value


RuleEntry = Annotated[RuleConfig, BeforeValidator(_as_rule, json_schema_input_type=RuleConfig | str)]
