"""Evidence for the tests of the machinery that makes models and brings them into service."""

from __future__ import annotations

from tenure.project.audit.facts import Facts, NoEvidence
from tenure.release.files import is_intact
from tenure.release.folder import runtime_versions


def reproducible(facts: Facts) -> str:
    """infrastructure-1."""
    replays = [e for e in facts.events("replay") if e.body["release"] == facts.release]
    if not replays:
        raise NoEvidence(f"no genuine replay; run `tenure replay {facts.record['run']}`")
    then, now = dict(facts.scorer.manifest.files), replays[-1].body["now"]
    different = [name for name in sorted({*then, *now}) if then.get(name) != now.get(name)]
    if different:
        raise NoEvidence(f"the replay of {replays[-1].at.date()} differs in {', '.join(different)}")
    return f"{len(now)} files with equal hashes, replayed {replays[-1].at.date()}"


def specification(facts: Facts) -> str:
    """infrastructure-2."""
    n = len(facts.scorer.golden)
    if not n:
        raise NoEvidence("the release has no golden rows")
    return f"{n} golden rows of release {facts.release} score the same bits now"


def whole_way(facts: Facts) -> str:
    """infrastructure-3."""
    then, now = facts.record["runtime"], runtime_versions()
    changed = [name for name in sorted({*then, *now}) if then.get(name) != now.get(name)]
    if changed:
        raise NoEvidence(f"changed since the run: {', '.join(changed)}")
    return f"run {facts.record['run']} from version {facts.data.version} to release {facts.release}"


def validated(facts: Facts) -> str:
    """infrastructure-4."""
    gain = facts.part("metrics.json").get("gain", {})
    trivial = next((body for name, body in gain.items() if "regression" not in name), None)
    if trivial is None or trivial["low"] <= 0:
        raise NoEvidence("no gain above zero over the trivial model was measured on the test rows")
    rows = facts.record["data"]["version"]
    readings = [e for e in facts.events("test_read") if e.body["prepared"] == rows]
    posts = [e for e in facts.events("promotion") if e.body["version"] == facts.version]
    if not readings or not any(readings[0].at < post.at for post in posts):
        raise NoEvidence("the journal does not show a measurement before the promotion")
    return (
        f"measured {readings[0].at:%Y-%m-%d %H:%M}, gain over the trivial model from {trivial['low']:.4f} on"
    )


def debugging(facts: Facts) -> str:
    """infrastructure-5."""
    scorer = facts.scorer
    if not scorer.golden:
        raise NoEvidence("the release has no golden rows")
    row = scorer.golden[0]["row"]
    found = scorer.explain_row(row, len(scorer.feature_names))
    total = found.base + sum(effect.effect for effect in found.effects) + found.rest
    if abs(total - found.score) > 1e-9 * max(1.0, abs(found.score)):
        raise NoEvidence(f"the effects sum to {total}, the score is {found.score}")
    return f"{len(found.effects)} effects of a golden row sum to its score {found.score:.4g}"


def rollback(facts: Facts) -> str:
    """infrastructure-7."""
    past = facts.events("rollback")
    if not past:
        raise NoEvidence("no rollback stands in the journal; try one with `tenure rollback`")
    version = past[-1].body["version"]
    releases = [e.body["release"] for e in facts.events("run") if e.body["version"] == version]
    if not releases or not is_intact(facts.folder.releases / releases[-1]):
        raise NoEvidence(f"the release of version {version}, which was gone back to, is not intact")
    return f"{past[-1].at.date()} back to version {version}, release {releases[-1]}"
