"""The section `leakage` of tenure.yaml: which findings are known, and why they are no leak."""

from __future__ import annotations

from pydantic import Field, field_validator

from tenure.config.values import Strict
from tenure.config.waivers import check_waivers

# code: what it finds; docs/leakage.md tells of each
LEAKAGE_CODES = {
    "L101": "one column alone predicts the target too well",
    "L201": "a copy, recoding or function of the classes",
    "L202": "a copy or function of the target number",
    "L301": "filled in only after the outcome",
    "L302": "leaves its usual value only with the outcome",
    "L401": "another model's output",
    "L501": "an identifier carries the target",
    "L502": "the order of the rows carries the target",
    "L601": "the same rows in training and in later parts",
    "L602": "the same entity in training and in later parts",
    "L701": "a date later than the row's own time",
    "L702": "the target of a later row",
    "L801": "absent or empty where the model will serve",
    "L802": "different where the model will serve",
}


class LeakageConfig(Strict):
    """The leakage gate: what it may let pass."""

    waive: dict[str, dict[str, str]] = Field(
        default_factory=dict,
        description="code: {column: reason}; the column * stands for any, and for the table",
    )
    serving: str | None = Field(
        None, description="a table of rows as the service gets them; null: the latest rows in the journal"
    )

    @field_validator("waive")
    @classmethod
    def _names_codes_and_reasons(cls, value: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
        check_waivers(value, LEAKAGE_CODES, "it is no leak")
        return value
