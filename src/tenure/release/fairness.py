"""What a release tells of its fairness (fairness.json): whether it keeps a limit, and the same in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FORMAT = "tenure-fairness/1"

_MEASURES = {
    "selection_rate": "selected",
    "true_positive_rate": "true positives",
    "false_positive_rate": "false positives",
    "base_rate": "base rate",
    "calibration_gap": "score - outcome",
    "benefit": "benefit",
    "mean_prediction": "mean prediction / sd",
    "mean_error": "mean error / sd",
    "mean_absolute_error": "mean |error| / sd",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a model keeps its limit. breaches: where it surely does not.  doubts: where that cannot be told."""

    breaches: tuple[str, ...]
    doubts: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """No breach: the model may be promoted."""
        return not self.breaches

    def to_dict(self) -> dict[str, Any]:
        """As JSON data."""
        return {"passed": self.passed, "breaches": list(self.breaches), "doubts": list(self.doubts)}


def judge_fairness(body: Mapping[str, Any], metric: str, limit: float, columns: tuple[str, ...]) -> Verdict:
    """Hold what was measured against a limit.

    A breach: the lower bound of the difference is above the limit. The bounds hold for all groups of all groupings
    together at 97.5 % on that side, so that of models within the limit at most one in forty is stopped by chance.
    columns: each has to be among those measured.
    """
    breaches, doubts = [], []
    measured = {tuple(grouping["columns"]): grouping for grouping in body["groupings"]}
    for name in columns:
        if (name,) not in measured:
            breaches.append(f"fairness by {name} was not measured: train again")
    for names, grouping in measured.items():
        if not set(names) <= set(columns):
            continue
        by = " and ".join(names)
        found = grouping["differences"].get(metric)
        if found is None:
            doubts.append(
                f"{metric} by {by} was not measured: fewer than two groups with {body['least']} test rows to go by"
            )
            continue
        between = " against ".join(found["between"])
        told = f"{metric} by {by} is {_interval(found)} ({between})"
        if found["at_least"] > limit:
            breaches.append(f"{told}, surely more than the limit of {limit:g}")
        elif found["value"] > limit:
            doubts.append(f"{told}: above the limit of {limit:g}, but not surely so")
    return Verdict(tuple(breaches), tuple(doubts))


def describe_fairness(body: Mapping[str, Any]) -> list[str]:
    """A few lines for a terminal: the groups furthest apart in what is limited, flips, and the verdict."""
    lines = []
    for grouping in body["groupings"]:
        by = " and ".join(grouping["columns"])
        found = grouping["differences"].get(body["metric"])
        if found is not None:
            between = " against ".join(found["between"])
            lines.append(f"fairness by {by}: {body['metric']} {_interval(found)} ({between})")
    for flip in body.get("flips", ()):
        if "flipped" in flip:
            proxies = f" with {', '.join(flip['with'])}" if flip["with"] else ""
            moved = f"; the score moves by {_interval(flip['moved'])}"
            lines.append(
                f"with another {flip['column']}{proxies} {_interval(flip['flipped'])} of decisions change{moved}"
                if flip["flipped"] is not None
                else f"with another {flip['column']}{proxies} the number moves by {_interval(flip['moved'])}"
            )
    lines += describe_mitigation(body["mitigation"], body["metric"]) if "mitigation" in body else []
    verdict = body["verdict"]
    return lines + [f"fairness: {text}" for text in (*verdict["breaches"], *verdict["doubts"])]


def describe_mitigation(told: Mapping[str, Any], metric: str) -> list[str]:
    """What was done for fairness, what it brought and what it costs, a line each."""
    kind = told["kind"].replace("_", " ")
    lines = [f"mitigation: {kind}" + "".join(f"; {told[key]}" for key in ("why", "failed") if key in told)]
    if "thresholds" in told:
        each = ", ".join(f"{group} {_threshold(cut)}" for group, cut in told["thresholds"].items())
        lines.append(f"decides from a probability of {each} on; of any other group {told['threshold']:.3f}")
    for entry in told["price"]["fairness"]:
        change = f", change {_interval(entry['change'])}" if "change" in entry else ""
        lines.append(
            f"{metric} by {' and '.join(entry['columns'])}: {entry['without']['value']:.3f} without, "
            f"{entry['with']['value']:.3f} with{change}"
        )
    for name, entry in told["price"]["quality"].items():
        # rounded first, and -0.0 made 0.0
        value, low, high = (round(entry["change"][key], 4) + 0.0 for key in ("value", "low", "high"))
        interval = f"{value:+.4f} [{low:+.4f}, {high:+.4f}]"
        lines.append(
            f"its price in {name}: {entry['without']:.4f} without, {entry['with']:.4f} with, {interval}"
        )
    return lines


def _threshold(cut: float) -> str:
    return "above 1 (nobody)" if cut > 1.0 else f"{cut:.3f}"


BY_GROUP = (
    "Decisions go by group: a row without its group, or of a group not named here, gets the common threshold, so that "
    "the group has to be sent to the service though it may be no feature. Under some laws it is unlawful to decide by "
    "group; have that judged before use."
)
"""What a card says of thresholds by group."""


def fairness_section(body: Mapping[str, Any]) -> list[str]:
    """The model card's section, as Markdown."""
    lines = [
        f"Limit: {body['metric']} {body['limit']:g}. "
        f"{'Not surely exceeded' if body['verdict']['passed'] else 'Exceeded'}, on {body['rows']:,} test rows.",
        "",
        *(f"- {text}" for text in (*body["verdict"]["breaches"], *body["verdict"]["doubts"])),
    ]
    for grouping in body["groupings"]:
        shown = [group for group in grouping["groups"] if group["n"] >= body["least"]]
        names = list(dict.fromkeys(name for group in shown for name in group["rates"]))
        lines += ["", f"| {' and '.join(grouping['columns'])} | n | {' | '.join(map(_title, names))} |"]
        lines.append("| --- " * (len(names) + 2) + "|")
        for group in shown:
            cells = [_cell(group["rates"].get(name)) for name in names]
            lines.append(f"| {group['group']} | {group['n']:,} | {' | '.join(cells)} |")
        lines += ["", *(f"- {name}: {_interval(found)}" for name, found in grouping["differences"].items())]
        lines += [f"- {name}: {_interval(found)}" for name, found in grouping["ratios"].items()]
    lines += ["", f"Benefit: {body['benefit']}." if body.get("benefit") else ""]
    star = f"A star marks a rate of fewer than {body['least']} rows, which is not compared"
    lines += [f"{star}; smaller groups are left out."]
    lines += ["", *(f"- {line}" for line in _beside(body))]
    if "mitigation" in body:
        lines += ["", "### Mitigation and its price", ""]
        lines += [f"- {line}" for line in describe_mitigation(body["mitigation"], body["metric"])]
        lines += ["", BY_GROUP] if "thresholds" in body["mitigation"] else []
    return lines


def _beside(body: Mapping[str, Any]) -> list[str]:
    """What the tables do not show: flips and proxies."""
    kept = {key: value for key, value in body.items() if key != "mitigation"}
    only = {**kept, "groupings": [], "verdict": {"breaches": [], "doubts": []}}
    lines = describe_fairness(only)
    for proxy in body.get("proxies", ()):
        told = ", ".join(f"{entry['feature']} {_interval(entry)}" for entry in proxy["features"][:5])
        lines.append(f"what gives {proxy['column']} away ({proxy['measure']}): {told or 'nothing found'}")
    return lines


def _title(name: str) -> str:
    stem, bracket, label = name.partition("[")
    return _MEASURES.get(stem, stem.replace("_", " ")) + (f" {label[:-1]}" if bracket else "")


def _cell(rate: Mapping[str, Any] | None) -> str:
    return "–" if rate is None else _interval(rate) + ("*" if rate.get("few") else "")


def _interval(found: Mapping[str, Any]) -> str:
    if found["low"] is None:
        return f"{found['value']:.3f}"
    return f"{found['value']:.3f} [{found['low']:.3f}, {found['high']:.3f}]"
