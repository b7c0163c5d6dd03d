"""A table is predicted batch by batch: every row is in the journal before the output is there, or none is."""

from __future__ import annotations

import sys
from collections.abc import Sized
from contextlib import closing
from pathlib import Path

import msgspec
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenure.errors import JournalError
from tenure.journal import batches
from tenure.journal.day_files import list_files, scan
from tenure.journal.queries import predictions_between
from tenure.journal.redaction import Redaction
from tenure.journal.tables import Journal, open_journal
from tenure.project import Project, predicting
from tenure.project.folder import Folder
from tenure.project.setup import Request, create_project
from tenure.release.scorer import Scorer
from tests.project.conftest import quick


@pytest.fixture(scope="module")
def root(toy_tables: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("predicting") / "wine"
    create_project(Folder(root), Request(str(toy_tables["wine"]), "target"))
    quick(root, "[logistic]").run()
    return root


def count_in_files(journal: Journal) -> int:
    return int(scan(list_files(journal.days)).select(pl.len()).collect().item())


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["tenure.prepare.sources.batches"], "BATCH_ROWS", 50)


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("fewest", [1, 80, 10_000])
def test_the_journal_holds_each_row_with_its_answer(
    root: Path, toy_tables: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fewest: int
) -> None:
    monkeypatch.setattr(batches, "_ROWS_PER_FILE", 100)
    monkeypatch.setattr(batches, "_FEWEST_IN_A_FILE", fewest)
    output = tmp_path / "out.csv"
    with closing(open_journal(root / ".tenure" / "journal.db")) as db:
        before = sum(len(page) for page in predictions_between(db))
        in_files = count_in_files(db)
        told = Project.open(str(root)).predict(str(toy_tables["wine"]), str(output))
        kept = [prediction for page in predictions_between(db) for prediction in page][before:]
        in_files = count_in_files(db) - in_files
    assert in_files == {1: len(kept), 80: len(kept) // 100 * 100, 10_000: 0}[fewest]
    answers = pl.read_csv(output, infer_schema=False)
    assert told["rows"] == len(answers) == len(kept) > 150
    assert [p.prediction for p in kept] == answers["prediction"].to_list()
    scorer = Scorer.load(root / "releases" / told["model"]["release"])
    for prediction in kept[::20]:
        score, _ = scorer.score_anyway(prediction.row)
        assert (score.margins, score.probability) == (prediction.margins, prediction.probability)


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("in_files", [False, True])
@pytest.mark.parametrize("failing", [1, 2, 4])
def test_a_journal_that_fails_half_way_leaves_no_output(
    root: Path,
    toy_tables: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    failing: int,
    in_files: bool,
) -> None:
    calls: list[int] = []

    def fails(_: object, entries: Sized) -> None:
        calls.append(len(entries))
        if len(calls) == failing:
            raise JournalError("the disk is full")

    monkeypatch.setattr(batches, "_ROWS_PER_FILE", 1)
    monkeypatch.setattr(batches, "_FEWEST_IN_A_FILE", 1 if in_files else 1000)
    monkeypatch.setattr(batches, "write_batch" if in_files else "add_predictions", fails)
    output = tmp_path / "out.csv"
    output.write_text("as it was")
    with pytest.raises(JournalError, match="the disk is full"):
        Project.open(str(root)).predict(str(toy_tables["wine"]), str(output))
    assert output.read_text() == "as it was"
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


texts = (
    st.none()
    | st.text(max_size=8)
    | st.sampled_from(['"', "\\", "\n\t\r\x00\x1f\x7f", "é\u2028\U0001f600", "</a>"])
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.fixed_dictionaries({"a": texts, 'b "x"': texts, "é\n": texts}), min_size=1, max_size=5))
def test_rows_of_texts_are_kept_as_any_rows_are(rows: list[dict[str, str | None]]) -> None:
    table = pl.DataFrame(rows, schema=dict.fromkeys(rows[0], pl.String))
    wanted = [msgspec.json.encode({name: row[name] for name in table.columns}).decode() for row in rows]
    assert predicting.rows_as_json(table, None).to_list() == wanted
    assert predicting.rows_as_json(table, Redaction()).to_list() == wanted
