"""A release scores and explains rows and tables with the same bits, and refuses bad rows by name."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from tenure.errors import ColumnsMissing, ReleaseError, RowsRefused
from tenure.release import trees
from tenure.release.calibration import Calibration
from tenure.release.encoding import encode_table
from tenure.release.folder import write_release
from tenure.release.joint import load_predictor
from tenure.release.scorer import Scorer
from tests.builders import build_release, make_parts, make_table

CASES = [(task, linear) for task in ("binary", "multiclass", "regression") for linear in (False, True)]


@pytest.fixture(
    scope="module", params=CASES, ids=lambda case: f"{case[0]}-{'linear' if case[1] else 'trees'}"
)
def case(request, tmp_path_factory):
    task, linear = request.param
    folder = build_release(tmp_path_factory.mktemp("releases"), task, linear=linear)
    return Scorer.load(folder), make_table(500, seed=3, task=task)


@pytest.fixture(scope="module")
def binary(tmp_path_factory):
    return build_release(tmp_path_factory.mktemp("releases"))


def test_row_equals_table_bit_for_bit(case):
    scorer, raw = case
    table = scorer.score_table(raw)
    rows = [scorer.score_row(row) for row in raw.to_dicts()]
    assert [score.prediction for score in rows] == table.predictions
    assert [score.margins for score in rows] == [tuple(margins) for margins in table.margins.tolist()]
    assert table.problems == []
    if scorer.task == "regression":
        assert table.probabilities is None
        assert table.values.tolist() == table.predictions
        return
    assert [list(score.probabilities.values()) for score in rows] == table.probabilities.tolist()
    assert list(rows[0].probabilities) == list(scorer.classes)
    told = [score.probability for score in rows]
    if scorer.task == "binary":
        assert told == table.probabilities[:, 1].tolist()
        assert [score.prediction == "Yes" for score in rows] == [p >= 0.4 for p in told]
    else:
        assert told == table.probabilities.max(axis=1).tolist()


def test_explanations_add_up_to_the_score(case):
    scorer, raw = case
    explained = scorer.explain_table(raw, 3)
    for row, explanation in zip(raw.head(60).to_dicts(), explained, strict=False):
        total = explanation.base + sum(effect.effect for effect in explanation.effects) + explanation.rest
        assert total == pytest.approx(explanation.score, rel=0, abs=1e-9)
        assert len(explanation.effects) == 3
        score = scorer.score_row(row)
        assert explanation.score == (score.prediction if scorer.task == "regression" else score.probability)
        alone = scorer.explain_row(row, 3)
        assert alone.effects[0].text == explanation.effects[0].text
        assert alone.rest == pytest.approx(explanation.rest, abs=1e-12)
        for effect in alone.effects:
            assert effect.value == row[effect.column]
        both = scorer.score_explained(row, 3)
        assert (both.score, both.explanation) == (score, alone)
        assert both.gaps == scorer.score_rows([row])[0].gaps


def test_the_compiled_way_says_what_the_row_way_says(case, monkeypatch):
    pytest.importorskip("numba", reason="extra explain")
    scorer, raw = case
    monkeypatch.setattr(trees, "_FAST_WORK", 1)
    explained = scorer.explain_table(raw, 9)
    for row, explanation in zip(raw.to_dicts(), explained, strict=True):
        alone = scorer.explain_row(row, 9)
        assert [e.text for e in alone.effects] == [e.text for e in explanation.effects]
        assert [e.effect for e in alone.effects] == pytest.approx(
            [e.effect for e in explanation.effects], rel=0, abs=1e-9
        )


def test_missing_values_are_said_to_be_missing(case):
    scorer, raw = case
    row = {**raw.to_dicts()[0], "charges": "", "contract": None}
    texts = {effect.column: effect.text for effect in scorer.explain_row(row, 9).effects}
    assert texts["contract"].startswith("contract is missing, which ")
    assert texts["charges"].startswith("charges is missing, which ")


def test_golden_rows_are_checked(case):
    scorer, _ = case
    scorer.check_golden()
    changed = [
        {**scorer.golden[0], "margins": [m + 1e-15 + abs(m) * 1e-15 for m in scorer.golden[0]["margins"]]}
    ]
    other = Scorer(scorer.recipe, scorer.encoding, scorer.predictor, scorer.calibration, golden=changed)
    with pytest.raises(ReleaseError, match="golden row 0 gives the margins"):
        other.check_golden()


def test_bad_rows_are_refused_and_bad_cells_of_tables_named(binary):
    scorer = Scorer.load(binary)
    row = make_table(1).to_dicts()[0]
    bad = {**row, "charges": "a lot", "partner": "perhaps"}
    del bad["months"]
    with pytest.raises(RowsRefused) as caught:
        scorer.score_row(bad)
    assert [problem.column for problem in caught.value.problems] == ["months", "charges", "partner"]
    assert scorer.problems(row) == []
    raw = make_table(5).with_columns(pl.Series("charges", ["1", "2", "a lot", "4", "5"]))
    scored = scorer.score_table(raw)
    assert [(problem.row, problem.column) for problem in scored.problems] == [(2, "charges")]
    assert len(scored.predictions) == 5
    with pytest.raises(ColumnsMissing, match="months"):
        scorer.score_table(raw.drop("months"))


def test_no_rows(case):
    scorer, raw = case
    scored = scorer.score_table(raw.clear())
    assert scored.predictions == []
    assert scorer.explain_table(raw.clear(), 3) == []


def test_public_facts(binary):
    scorer = Scorer.load(binary)
    assert scorer.manifest.release == binary.name
    assert (scorer.task, scorer.classes, scorer.positive, scorer.threshold) == (
        "binary",
        ("No", "Yes"),
        "Yes",
        0.4,
    )
    assert scorer.feature_names == ("months", "charges", "contract", "partner", "senior", "joined", "note")


def test_unreleased_model_has_no_manifest(binary):
    loaded = Scorer.load(binary)
    scorer = Scorer(loaded.recipe, loaded.encoding, loaded.predictor, loaded.calibration)
    with pytest.raises(ReleaseError, match="not released"):
        _ = scorer.manifest


def test_load_takes_less_than_a_third_of_a_second(binary):
    Scorer.load(binary)
    started = time.perf_counter()
    Scorer.load(binary)
    assert time.perf_counter() - started < 0.3


def test_parts_of_different_models_are_refused(binary):
    scorer = Scorer.load(binary)
    line = {"format": "tenure-linear/1", "coefficients": [[1.0]], "base": [0.0], "means": [0.0]}
    narrow = load_predictor({"linear.json": json.dumps(line).encode()})
    with pytest.raises(ReleaseError, match="takes 1 features"):
        Scorer(scorer.recipe, scorer.encoding, narrow, scorer.calibration)
    with pytest.raises(ReleaseError, match="the calibration is for multiclass"):
        Scorer(scorer.recipe, scorer.encoding, scorer.predictor, Calibration("multiclass", 3))


def test_unreadable_file_is_named_though_its_hash_is_right(tmp_path, monkeypatch):
    from tenure.release import folder

    plain_build = folder._build_files
    monkeypatch.setattr(folder, "_build_files", lambda parts: {**plain_build(parts), "encoding.json": b"[]"})
    release = write_release(tmp_path, make_parts())
    with pytest.raises(ReleaseError, match=r"encoding\.json"):
        Scorer.load(release)


def test_release_needs_golden_rows_and_a_known_kind(tmp_path):
    parts = make_parts()
    with pytest.raises(ReleaseError, match="golden row"):
        write_release(tmp_path, replace(parts, golden_rows=[]))
    with pytest.raises(ReleaseError, match="'pickle'"):
        write_release(tmp_path, replace(parts, model_kind="pickle"))
    with pytest.raises(ReleaseError, match=r"reference\.json cannot be written as JSON"):
        write_release(tmp_path, replace(parts, reference={"mean": float("nan")}))


def make_joint(columns=None):
    """Trees and a linear model over the same features, as a blend's document has them."""
    line, trees = make_parts(linear=True), make_parts()
    columns = range(len(line.encoding.features)) if columns is None else columns
    text = json.dumps({**json.loads(line.model), "columns": list(columns)})
    return replace(line, model=trees.model, model_kind="joint", linear=text)


def test_a_release_of_trees_and_a_line_adds_them_up(tmp_path):
    """Margins are the sum, one row has the bits of a table, and the effects reach the score."""
    parts = make_joint()
    scorer = Scorer.load(write_release(tmp_path, parts))
    assert {"model.txt", "linear.json"} <= set(scorer.manifest.files)
    raw = make_table(seed=3).head(20)
    X = encode_table(scorer.encoding, scorer.clean_table(raw))
    files = {"model.txt": parts.model, "linear.json": parts.linear}
    boosted, line = (load_predictor({name: text.encode()}) for name, text in files.items())
    np.testing.assert_array_equal(scorer.predictor.margins(X), boosted.margins(X) + line.margins(X))
    table = scorer.score_table(raw)
    for position, row in enumerate(raw.to_dicts()):
        assert scorer.score_row(row).margins == tuple(table.margins[position].tolist())
        told = scorer.explain_row(row, 3)
        total = told.base + sum(effect.effect for effect in told.effects) + told.rest
        assert total == pytest.approx(told.score, abs=1e-9)


def test_a_line_that_does_not_fit_its_columns_is_named(tmp_path):
    with pytest.raises(ReleaseError, match="coefficients for 2 columns"):
        write_release(tmp_path, make_joint(columns=[0, 1]))
    n_features = len(make_parts(linear=True).encoding.features)
    with pytest.raises(ReleaseError, match="coefficients for 1 columns"):
        write_release(tmp_path, make_joint(columns=[0] * n_features))
