"""Evidence for the tests of how the model was made."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from typing import Any

from tenure.project.audit.facts import Facts, NoEvidence
from tenure.project.fairness import limited_metric
from tenure.release.fairness import judge_fairness

FAIRNESS = "fairness.json"
_ENOUGH_TRIALS = 5
_GIT = 10.0  # seconds that git may take


def reviewed(facts: Facts) -> str:
    """model-1."""
    used, now = facts.record["config"], facts.config.model_dump(mode="json")
    for section, key in (("model", "budget"), ("split", "seed")):  # what options may override
        used = {**used, section: {**used[section], key: now[section][key]}}
    changed = [section for section in now if used.get(section) != now[section]]
    if changed:
        raise NoEvidence(f"tenure.yaml is not that of the champion's run: {', '.join(changed)}")
    if _git(facts, "status", "--porcelain", "--", "tenure.yaml").strip():
        raise NoEvidence("tenure.yaml is not committed as it is")
    asked = "%h%n%an%n%(trailers:key=Reviewed-by,valueonly)"
    commit, author, *reviewers = _git(
        facts, "log", "-1", f"--format={asked}", "--", "tenure.yaml"
    ).splitlines() or (
        "",
        "",
    )
    others = [name for name in reviewers if name.strip() and author not in name]
    if not others:
        raise NoEvidence("the last commit of tenure.yaml has no Reviewed-by trailer of another person")
    return f"commit {commit}, reviewed by {others[0]}"


def _git(facts: Facts, *command: str) -> str:
    try:
        done = subprocess.run(
            ["git", *command], cwd=facts.folder.root, capture_output=True, text=True, timeout=_GIT, check=True
        )
    except (OSError, subprocess.SubprocessError):
        raise NoEvidence("the project is in no git repository") from None
    return done.stdout


def online(facts: Facts) -> str:
    """model-2."""
    changes = _judged(facts.report)
    apart = [c["metric"] for c in changes if not _overlap(c["released"], c["realised"])]
    if apart:
        raise NoEvidence(f"live and test intervals lie apart: {', '.join(apart)}")
    return f"{facts.report['n_outcomes']} outcomes: {', '.join(c['metric'] for c in changes)} as on the test rows"


def _judged(report: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    performance = report["performance"]
    if performance["problem"] or not performance["judged"]:
        raise NoEvidence(performance["problem"] or "no outcome was judged")
    return list(performance["judged"])


def _overlap(a: Mapping[str, float], b: Mapping[str, float]) -> bool:
    return bool(a["low"] <= b["high"] and b["low"] <= a["high"])


def tuned(facts: Facts) -> str:
    """model-3."""
    plan = facts.record["plan"]
    completed = [trial["family"] for trial in plan["trials"] if trial["state"] == "complete"]
    counts = {family: completed.count(family) for family in {m["family"] for m in plan["members"]}}
    few = [f"{family} ({n})" for family, n in sorted(counts.items()) if n < _ENOUGH_TRIALS]
    if few or not counts:
        raise NoEvidence(f"fewer than {_ENOUGH_TRIALS} completed trials: {', '.join(few)}")
    return ", ".join(f"{n} trials of {family}" for family, n in sorted(counts.items()))


def staleness(facts: Facts) -> str:
    """model-4."""
    compared = [
        e
        for e in facts.events("review")
        if e.body.get("comparison") and e.body.get("champion") == facts.version
    ]
    if not compared:
        raise NoEvidence("no genuine review compared the champion with another model on later rows")
    return f"compared by the review of {compared[-1].at.date()}"


def simpler(facts: Facts) -> str:
    """model-5."""
    if {member["family"] for member in facts.record["plan"]["members"]} == {"logistic"}:
        return "the winner is the linear model"
    gain = facts.part("metrics.json").get("gain", {})
    linear = {name: body for name, body in gain.items() if "regression" in name}
    if not linear:
        raise NoEvidence("no gain over the linear model was measured")
    name, body = next(iter(linear.items()))
    interval = f"{body['value']:.4f} [{body['low']:.4f}, {body['high']:.4f}]"
    if body["low"] <= 0:
        raise NoEvidence(f"not told apart from the plain {name}: gain {interval}")
    return f"better than the plain {name}: gain {interval}"


def slices(facts: Facts) -> str:
    """model-6: metrics.json may hold `slices`, with `measured` and `failing`, what was looked at and what fails."""
    found = facts.part("metrics.json").get("slices")
    if not found or not found.get("measured"):
        raise NoEvidence("the release holds no slices")
    if found.get("failing"):
        raise NoEvidence(f"{len(found['failing'])} of {len(found['measured'])} slices fail")
    return f"{len(found['measured'])} slices, none fails"


def inclusion(facts: Facts) -> str:
    """model-7: by the limit of the run, and by the one that tenure.yaml has now."""
    asked = facts.config.fairness
    if asked is None or FAIRNESS not in facts.scorer.manifest.files:
        raise NoEvidence(
            "no fairness was measured: name groups under `fairness` in tenure.yaml, and train again"
        )
    body = facts.part(FAIRNESS)
    then = body["verdict"]
    metric = limited_metric(asked, facts.scorer.task)
    now = judge_fairness(body, metric, asked.limit, tuple(asked.groups))
    if told := dict.fromkeys([*then["breaches"], *then["doubts"], *now.breaches, *now.doubts]):
        raise NoEvidence("; ".join(told))
    limit = min(body["limit"], asked.limit)
    return f"{metric} by {', '.join(asked.groups)}, none above the limit of {limit:g}"
