"""Evidence for the tests of features and data: each function says what it saw, or raises NoEvidence."""

from __future__ import annotations

from typing import Any

from tenure.config import load_schema
from tenure.errors import TenureError
from tenure.monitor.windows import text_table
from tenure.prepare.columns import clean
from tenure.prepare.rows import RowCleaner
from tenure.project.audit.facts import Facts, NoEvidence
from tenure.project.receipts import is_genuine, read_receipts
from tenure.release.schema import KEYWORD

MOST_MICROSECONDS = 100.0


def schema(facts: Facts) -> str:
    """data-1."""
    try:
        written = load_schema(facts.folder.schema)
    except TenureError as error:
        raise NoEvidence(f"schema.json: {error.what}") from error
    if written is None:
        raise NoEvidence("there is no schema.json")
    released = facts.part("schema.json")[KEYWORD]["columns"]
    asked = written.to_document()["columns"]
    missing = [column.name for column in facts.scorer.recipe.inputs if column.name not in asked]
    if missing:
        raise NoEvidence(f"schema.json does not speak of {', '.join(missing)}")
    other = [name for name, column in asked.items() if released.get(name) != column]
    if other:
        raise NoEvidence(f"schema.json asks otherwise than the release of {', '.join(other)}")
    return f"{len(asked)} columns, as in release {facts.release}"


def beneficial(facts: Facts) -> str:
    """data-2."""
    found = facts.part("importance.json").get("permutation")
    if not isinstance(found, dict) or not found:
        raise NoEvidence("the release holds no permutation importance with intervals")
    harmful = [name for name, gain in found.items() if gain["high"] < 0]
    if harmful:
        raise NoEvidence(f"the model is better without {', '.join(harmful)}")
    return f"{len(found)} features measured, none harmful"


def cost(facts: Facts) -> str:
    """data-3."""
    told = {
        feature["name"]: feature["microseconds"] for feature in facts.record["result"].get("features", ())
    }
    derived = [feature.column.name for feature in facts.scorer.recipe.derived]
    unknown = [name for name in derived if name not in told]
    if unknown:
        raise NoEvidence(f"the run record does not tell what {', '.join(unknown)} cost")
    dear = [f"{name} ({told[name]:.0f})" for name in derived if told[name] > MOST_MICROSECONDS]
    if dear:
        raise NoEvidence(f"more than {MOST_MICROSECONDS:g} microseconds a row: {', '.join(dear)}")
    return f"{len(derived)} derived features, {sum(told[n] for n in derived):.1f} microseconds a row together"


def rules(facts: Facts) -> str:
    """data-4."""
    found = facts.record["leakage"].get("found")
    if found is None or facts.data.leakage.get("found") is None:
        raise NoEvidence("the leakage gate left no findings for these rows")
    stopping = [f["code"] for f in found if f["severity"] == "critical" and not f["waived"]]
    if stopping:
        raise NoEvidence(f"critical findings stand: {', '.join(stopping)}")
    inputs = {column.name for column in facts.scorer.recipe.inputs}
    forbidden = sorted(inputs & set(facts.config.data.exclude))
    if forbidden:
        raise NoEvidence(f"the champion reads {', '.join(forbidden)}, which data.exclude forbids")
    return f"the gate ran on version {facts.data.version}: {len(found)} findings, none that stops"


def privacy(facts: Facts) -> str:
    """data-5."""
    recipe = facts.scorer.recipe
    golden: list[dict[str, Any]] = [entry["row"] for entry in facts.part("golden.json")["rows"]]
    if recipe.id is not None and any(recipe.id in row for row in golden):
        raise NoEvidence(f"golden rows hold the id column {recipe.id!r}")
    summaries = facts.part("reference.json")["rows"]["columns"]
    texts = [column.name for column in recipe.features if column.kind == "text"]
    told = [name for name in texts if summaries[name]["frequent"].get("counts")]
    if told:
        raise NoEvidence(f"the reference holds texts of {', '.join(told)}")
    receipts = list(read_receipts(facts.folder)) if facts.folder.forgotten.is_dir() else []
    for receipt in receipts:
        if receipt.finished is None or not is_genuine(facts.folder.forgotten / f"{receipt.receipt}.json"):
            raise NoEvidence(f"the erasure {receipt.receipt} is unfinished, or its receipt was changed")
    return f"no id or text in release {facts.release}; {len(receipts)} erasures, all finished"


def quick(facts: Facts) -> str:
    """data-6."""
    seconds = facts.record["seconds"].get("generate", 0.0)
    if not seconds:
        raise NoEvidence("the run proposed no features (model.generate_features)")
    kept = len(facts.record["plan"].get("features", ()))
    return f"features proposed and judged in {seconds:.1f} s of the run, {kept} kept"


def feature_code(facts: Facts) -> str:
    """data-7."""
    recipe = facts.scorer.recipe
    names = [column.name for column in recipe.inputs]
    raw = text_table(facts.training_rows.select(names).to_dicts(), recipe)
    by_table = clean(recipe, raw.lazy()).collect().rows()
    cleaner = RowCleaner(recipe)
    for position, row in enumerate(raw.iter_rows(named=True)):
        values, _ = cleaner.clean_anyway(row)
        if tuple(values) != by_table[position]:
            raise NoEvidence(f"training row {position}: the two executors differ")
    return f"{raw.height} training rows, the same bits by both executors"
