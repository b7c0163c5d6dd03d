"""The section `explain` of tenure.yaml: which columns may change in what `tenure explain` proposes, and which way."""

from __future__ import annotations

from pydantic import Field, model_validator

from tenure.config.values import Label, Misplaced, Strict


class ExplainConfig(Strict):
    """What can change about a row. A column that stands nowhere may change either way."""

    immutable: list[Label] = Field(
        default_factory=list, description="columns that never change, such as gender"
    )
    only_up: list[Label] = Field(
        default_factory=list, description="numbers or dates that only rise, such as tenure"
    )
    only_down: list[Label] = Field(default_factory=list, description="numbers or dates that only fall")

    @model_validator(mode="after")
    def _says_one_thing_of_a_column(self) -> ExplainConfig:
        seen: dict[str, str] = {}
        for key in ("immutable", "only_up", "only_down"):
            for name in getattr(self, key):
                if name in seen:
                    raise Misplaced(f"{name!r} stands under {seen[name]} as well", key)
                seen[name] = key
        return self
