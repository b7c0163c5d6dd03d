"""The section `checks` of tenure.yaml: which findings about a model are known, and why they are accepted."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator

from tenure.config.values import Strict
from tenure.config.waivers import ANY, check_waivers

# code: what it finds; docs/checks.md tells of each
CHECK_CODES = {
    "M101": "much of what it knows does not hold on unseen rows",
    "M102": "a simpler model is better on the same rows",
    "M201": "a setting at the edge of what was searched",
    "M301": "suspiciously good",
    "M302": "one column carries everything",
    "M401": "a slice of rows in which it fails",
    "M501": "the folds disagree",
    "M502": "explanations are not stable",
    "M601": "no signal",
    "M602": "no better than a simpler model",
}


def _by_subject(value: Any) -> Any:
    """A bare reason holds for whatever the check finds."""
    if not isinstance(value, dict):
        return value
    return {code: {ANY: body} if isinstance(body, str) else body for code, body in value.items()}


class ChecksConfig(Strict):
    """The checks of a trained model: what they may find."""

    waive: Annotated[dict[str, dict[str, str]], BeforeValidator(_by_subject)] = Field(
        default_factory=dict,
        description="code: reason, or code: {what it is about: reason}; a waived finding is still shown",
    )

    @field_validator("waive")
    @classmethod
    def _names_codes_and_reasons(cls, value: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
        check_waivers(value, CHECK_CODES, "it is accepted")
        return value
