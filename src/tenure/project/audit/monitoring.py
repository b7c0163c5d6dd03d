"""Evidence for the tests of a model in service."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from tenure.monitor.windows import text_table
from tenure.project.audit.facts import Facts, NoEvidence

_SLOWER = 2.0


def invariants(facts: Facts) -> str:
    """monitoring-2."""
    drift = facts.report["drift"]
    if drift["problem"] or not drift["columns"]:
        raise NoEvidence(drift["problem"] or "no column was compared")
    drifted = [column["column"] for column in drift["columns"] if column["alarm"]]
    if drifted:
        raise NoEvidence(f"drifted: {', '.join(drifted)}")
    return f"none of {len(drift['columns'])} columns drifted over {drift['n_live']} live rows"


def no_skew(facts: Facts) -> str:
    """monitoring-3."""
    scorer = facts.scorer
    answers = facts.answers()
    if not answers:
        raise NoEvidence("the champion has answered nothing yet")
    table = scorer.complete(text_table([answer.row for answer in answers], scorer.recipe))
    margins = scorer.score_table(table).margins
    for answer, now in zip(answers, margins.tolist(), strict=True):
        if tuple(now) != answer.margins:
            raise NoEvidence(f"prediction {answer.id} scores otherwise as a row of a table")
    return f"{len(answers)} answers scored again as a table, the same bits"


def fresh(facts: Facts) -> str:
    """monitoring-4."""
    limit = timedelta(seconds=facts.config.retrain.age)
    now = datetime.now(UTC)
    age = now - datetime.fromisoformat(facts.record["finished"])
    if age > limit:
        raise NoEvidence(f"the champion is {age.days} days old, {limit.days} are allowed")
    reviews = [e for e in facts.events("review") if now - e.at <= limit]
    if not reviews:
        raise NoEvidence("no genuine review within retrain.age; run `tenure review`")
    return f"{age.days} days old, reviewed {reviews[-1].at.date()}"


def sound(facts: Facts) -> str:
    """monitoring-5."""
    from tenure.prepare.columns import settle

    scored = facts.scorer.score_clean(settle(facts.scorer.recipe, facts.training_rows.lazy()).collect())
    if not np.isfinite(scored.margins).all():
        raise NoEvidence("a margin is not finite")
    p = scored.probabilities
    if p is not None and not (
        np.isfinite(p).all()
        and (p >= 0).all()
        and (p <= 1).all()
        and np.allclose(p.sum(axis=1), 1, atol=1e-9)
    ):
        raise NoEvidence("a probability is not sound")
    return f"{len(scored.margins)} training rows scored, every number finite"


def speed(facts: Facts) -> str:
    """monitoring-6."""
    times = [
        report["health"]["seconds"]["p99"]
        for report in facts.reports
        if report["health"]["seconds"].get("p99")
    ]
    if len(times) < 2:
        raise NoEvidence(f"{len(times)} monitor reports with times of the champion, two are needed")
    if times[-1] > _SLOWER * times[0]:
        raise NoEvidence(f"99 % within {1000 * times[-1]:.1f} ms, at first {1000 * times[0]:.1f} ms")
    return (
        f"99 % within {1000 * times[-1]:.1f} ms, at first {1000 * times[0]:.1f} ms, over {len(times)} reports"
    )


def quality(facts: Facts) -> str:
    """monitoring-7."""
    performance = facts.report["performance"]
    if performance["problem"] or not performance["judged"]:
        raise NoEvidence(performance["problem"] or "no outcome was judged")
    worse = [change["metric"] for change in performance["judged"] if change["worse"]]
    if worse:
        raise NoEvidence(f"worse than at release: {', '.join(worse)}")
    return f"{performance['n_outcomes']} outcomes, as at release within noise"
