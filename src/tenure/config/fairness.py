"""The section `fairness` of tenure.yaml: whom the model is measured for, and what it must keep within."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from tenure.config.values import Misplaced, Share, Strict

FairnessMetric = Literal[
    "equal_opportunity_difference",
    "demographic_parity_difference",
    "equalized_odds_difference",
    "mean_error_difference",
    "mean_absolute_error_difference",
    "mean_prediction_difference",
]

Mitigation = Literal["reweighing", "threshold_by_group", "constraint"]


class FairnessConfig(Strict):
    """By which groups a model is measured, and the difference between them that it may not surely exceed."""

    groups: list[str] = Field(min_length=1, description="columns; they need not be features")
    metric: FairnessMetric | None = Field(
        None,
        description="null: equal_opportunity_difference for classes, mean_error_difference for a number "
        "(in standard deviations of the target)",
    )
    limit: Share = Field(0.1, description="a version that surely exceeds it is not promoted")
    least: int = Field(30, ge=10, description="rows that a rate of a group needs before it is compared")
    mitigate: Mitigation | None = Field(
        None,
        description="what is done to keep within the limit: weights of rows, a threshold for each group, or a search "
        "for weights that keep it; the result tells its price in quality",
    )
    bins: dict[str, list[float]] = Field(
        default_factory=dict, description="column: where its numbers are cut into groups; else at quartiles"
    )
    proxies: dict[str, list[str]] = Field(
        default_factory=dict,
        description="group: features that the flip test changes together with it, in a second test",
    )

    @model_validator(mode="after")
    def _keys_are_groups(self) -> FairnessConfig:
        if len(set(self.groups)) < len(self.groups):
            raise Misplaced("a column stands twice", "groups")
        for key in ("bins", "proxies"):
            strange = set(getattr(self, key)) - set(self.groups)
            if strange:
                raise Misplaced(f"{min(strange)!r} is not one of groups", key)
        for name, cuts in self.bins.items():
            if not cuts or sorted(set(cuts)) != cuts:
                raise Misplaced(f"cuts rise, and there is one at least; got {cuts}", "bins", name)
        return self
