"""The model card of a version: what its release, its run record and its data version say, on one page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from tenure.config import ProjectConfig
from tenure.durable import write_durably
from tenure.errors import ProjectError, TenureError
from tenure.project.folder import Folder
from tenure.project.promoting import find_release
from tenure.project.runs import find_record
from tenure.project.versions import find_version, follow, read_rows
from tenure.release.card import TITLES, limits_of, task_of
from tenure.release.card_judged import coverage_lines, estimate_text, finding_text
from tenure.release.card_page import Card, Section
from tenure.release.dependence_plot import draw_dependence
from tenure.release.explanations import (
    FILE,
    dependence_table,
    dependence_title,
    interaction_lines,
    permutation_note,
    permutation_table,
    stability_line,
)
from tenure.release.fairness import BY_GROUP, describe_fairness
from tenure.release.scorer import Scorer

WATTS_A_CORE = 10.0
"""Assumed draw of one busy core, with its share of the machine."""
NOT_STATED = "Not stated: nobody has written `intended_use` in tenure.yaml. Treat it as an experiment."


def make_card(folder: Folder, config: ProjectConfig, which: str = "champion") -> Card:
    """The card of the champion, the challenger or a version. Raises ProjectError where no record tells of its run."""
    holder = find_release(folder, config, which)
    scorer = Scorer.load(holder.release)
    record = find_record(folder, scorer.manifest.release)
    if record is None:
        raise ProjectError(
            "no record tells of the run that made this version", where=str(folder.runs), todo="train again"
        )
    metrics = json.loads((holder.release / "metrics.json").read_text())
    importance = json.loads((holder.release / "importance.json").read_text())
    sections = [
        _model(scorer, record, holder.version),
        Section("Intended use", [config.intended_use or NOT_STATED]),
        _data(folder, scorer, record),
        _measures(metrics),
        _findings(record),
        _slices(metrics),
        _fairness(scorer, holder.release),
        _checks(metrics),
        Section(
            "What it looks at",
            ["Mean absolute effect on the score, over training rows (measured)."],
            [
                ["column", "effect"],
                *([name, f"{value:.4g}"] for name, value in list(importance.items())[:10]),
            ],
        ),
        *_explanations(scorer, holder.release),
        Section("Limits", limits_of(scorer.recipe)),
        _cost(record),
        Section("Warnings from training", _warnings(record)),
    ]
    front = {
        "language": "en",
        "license": "other",
        "license_name": "not stated",
        "library_name": "tenure",
        "pipeline_tag": "tabular-regression" if scorer.task == "regression" else "tabular-classification",
        "tags": ["tenure", scorer.task],
        "datasets": [record["data"]["version"]],
        "metrics": list(metrics["test"]),
        "model_name": config.name,
    }
    return Card(f"{config.name}: predicts {scorer.recipe.target.name}", front, sections)


def write_card(card: Card, output: str) -> None:
    """Write the card as its ending says. Raises TenureError for any other than .md and .html."""
    path = Path(output)
    if path.suffix not in (".md", ".html"):
        raise TenureError(f"a card is written as .md or .html, got {output!r}", todo="correct --out")
    try:
        write_durably(path, card.to_html() if path.suffix == ".html" else card.to_markdown())
    except OSError as error:
        raise TenureError(f"the card cannot be written: {error.strerror}", where=output) from error


def _model(scorer: Scorer, record: Mapping[str, Any], version: str) -> Section:
    families = ", ".join(dict.fromkeys(member["family"] for member in record["plan"]["members"]))
    lines = [
        f"Version {version}, release {scorer.manifest.release}, run {record['run']} of {record['finished']}",
        f"Task: {task_of(scorer.recipe)}",
        f"Model: {families}; {len(record['plan']['trials'])} trials, seed {record['seed']}",
    ]
    if scorer.task == "binary":
        common = " where its group has no threshold of its own" if scorer.calibration.by_group else ""
        lines.append(f"Decides for {scorer.positive} from a probability of {scorer.threshold:.4g} on{common}")
    return Section("Model", lines)


def _data(folder: Folder, scorer: Scorer, record: Mapping[str, Any]) -> Section:
    data, recipe = record["data"], scorer.recipe
    rows = ", ".join(f"{n:,} {part}" for part, n in data["rows"].items())
    lines = [
        f"Version {data['version']}: {rows} rows; {len(recipe.inputs)} columns read, "
        f"{len(recipe.derived)} features computed from them",
        f"Source: {record['config']['data']['source']}",
        _time_range(folder, scorer, str(data["version"])),
    ]
    lines += [f"Not read: {column} ({why})" for column, why in recipe.ignored.items()]
    return Section("Data", lines)


def _time_range(folder: Folder, scorer: Scorer, version: str) -> str:
    """The first and the last time of the rows, as they are written."""
    name = scorer.recipe.time
    if name is None:
        return "Time range: not known, as no column is named as data.time"
    try:
        rows, _ = read_rows(folder, find_version(folder, follow(folder, version)))
    except TenureError as error:
        return f"Time range: not known ({error.what})"
    times = rows.select(first=pl.col(name).min(), last=pl.col(name).max()).collect().row(0)
    return f"Time range of {name}: {times[0]} to {times[1]}"


def _measures(metrics: Mapping[str, Any]) -> Section:
    """The model beside every baseline, each number with its interval."""
    baselines: Mapping[str, Any] = metrics["baselines"]
    table = [["on test rows", "model", *baselines]]
    for name, value in metrics["test"].items():
        cells = [value, *(body.get(name) for body in baselines.values())]
        table.append([TITLES.get(name, name), *map(estimate_text, cells)])
    gains = [
        f"Gain in {metrics['metric']} over {name}: {estimate_text(gain)}"
        for name, gain in metrics["gain"].items()
    ]
    head = "Measured once on test rows; in brackets 95 % intervals."
    return Section("How good", [head, *gains, *coverage_lines(metrics)], table)


def _warnings(record: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys(line for told in record["warnings"].values() for line in told))


def _findings(record: Mapping[str, Any]) -> Section:
    found = record["leakage"].get("found")
    if found is None:
        return Section("Leakage", ["The leakage gate left no findings with this run."])
    lines = [f"{f['code']} {f['column'] or 'the table'}: {f['what']}" for f in found] or ["No finding."]
    lines += [f"Not run: {code}, {why}" for code, why in record["leakage"].get("not_run", {}).items()]
    return Section("Leakage", lines)


def _fairness(scorer: Scorer, release: Path) -> Section:
    """The groups furthest apart, and whether the limit is kept; left out where fairness was not measured."""
    if "fairness.json" not in scorer.manifest.files:
        return Section("Fairness")
    body = json.loads((release / "fairness.json").read_text())
    limit = f"Limit: {body['metric']} {body['limit']:g}, measured on {body['rows']:,} test rows"
    told = [BY_GROUP] if "thresholds" in body.get("mitigation", {}) else []
    return Section("Fairness", [limit, *describe_fairness(body), *told])


def _slices(metrics: Mapping[str, Any]) -> Section:
    """What parts of the test rows were measured apart, and which of them fail; left out where none was."""
    found = metrics.get("slices") or {"measured": (), "failing": ()}
    if not found["measured"]:
        return Section("Slices")
    table = [["test rows", "n", metrics["metric"], "worse than the rest by"]]
    for one in found["measured"]:
        name = f"{one['name']} (fails)" if one["name"] in found["failing"] else one["name"]
        table.append([name, f"{one['n']:,}", *(estimate_text(one[key]) for key in ("metric", "gap"))])
    return Section("Slices", [f"{len(found['measured'])} measured, {len(found['failing'])} fail"], table)


def _checks(metrics: Mapping[str, Any]) -> Section:
    """The numbered checks that found something; left out where none was asked."""
    if "checks" not in metrics:
        return Section("Checks")
    found = [finding_text(finding) for finding in metrics["checks"]["found"]]
    return Section("Checks", found or ["Every check passed."])


def _explanations(scorer: Scorer, release: Path) -> list[Section]:
    """What the model goes by; none for a release that was made without."""
    if FILE not in scorer.manifest.files:
        return []
    body = json.loads((release / FILE).read_text())
    entries = body["dependence"]["columns"]
    dependences = [
        Section(dependence_title(entry), table=dependence_table(entry), only_markdown=True)
        for entry in entries
    ]
    return [
        Section(
            "When a column is shuffled",
            [permutation_note(body["permutation"])],
            permutation_table(body["permutation"]),
        ),
        Section(
            "How the strongest columns act",
            [
                f"Mean effect of each level or range on the score (dot), the range of 80 % of its rows (bar); "
                f"{body['dependence']['rows']:,} rows."
            ]
            if entries
            else (),
            drawings=[draw_dependence(entry) for entry in entries],
        ),
        *dependences,
        Section("Columns that act together", interaction_lines(body["interactions"])),
        Section("Stability of explanations", [_sentence(stability_line(body["stability"]))]),
    ]


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _cost(record: Mapping[str, Any]) -> Section:
    seconds = record["seconds"]
    wall, processor = seconds.get("train", 0.0), seconds.get("processor", 0.0)
    return Section(
        "Time and energy of training",
        [
            f"{wall:.1f} s on {record['threads']} threads, {processor:.1f} s of processor time (measured)",
            f"{processor * WATTS_A_CORE / 3600:.3f} Wh (estimated: processor time x {WATTS_A_CORE:g} W, assumed)",
        ],
    )
