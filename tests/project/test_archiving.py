"""A project whose journal's days were moved goes on as before; days past serve.keep_for are gone, and it is told."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from tenure.cli import main
from tenure.errors import ConfigError, JournalError
from tenure.journal.entries import NewRefusal
from tenure.journal.queries import events
from tenure.journal.tables import open_journal
from tenure.journal.writer import add_refusals
from tenure.project import Project
from tenure.project.archiving import archive
from tenure.project.digests import is_genuine

from .letters import CONFIG, PERSON, letters, project_of_letters
from .test_forgetting import holding

LATER = datetime.now(UTC) + timedelta(days=100)


def with_serve(project: Project, serve: str) -> Project:
    (project.folder.root / "tenure.yaml").write_text(f"{CONFIG}serve: {serve}\n")
    return Project(project.folder)


@pytest.fixture
def served(tmp_path: Path) -> Project:
    """A project with a champion, 300 predictions of today, and the outcomes of all but ten of them."""
    project = with_serve(project_of_letters(tmp_path), "{archive_after: 90d, keep_for: 365d}")
    project.run()
    project.predict(str(tmp_path / "letters.csv"), str(tmp_path / "scored.csv"))
    table = letters().select("customer", "left")
    table.head(290).write_csv(tmp_path / "outcomes.csv")
    table.write_csv(tmp_path / "all.csv")
    project.take_outcomes(str(tmp_path / "outcomes.csv"))
    return project


def test_the_circle_goes_on_with_moved_days(served: Project, tmp_path: Path) -> None:
    folder = served.folder
    until = datetime.now(UTC)

    def told() -> list[object]:
        report = served.monitor(until=until).to_dict()
        return [report["drift"], report["performance"], report["health"], served.trace("c0007")]

    before = told()
    assert before[2]["predictions"] == 300
    document = archive(folder, served.config, LATER)
    moved = document["moved"]
    assert sum(day["predictions"] for day in moved) == 300
    assert sum(day["outcomes"] for day in moved) == 290
    assert [day["bytes"] for day in moved] == [
        (folder.days / f"{day['day']}.parquet").stat().st_size for day in moved
    ]
    with closing(open_journal(folder.journal)) as journal:
        assert journal.db.execute("SELECT count(*) FROM predictions").fetchone() == (0,)
        noted = events(journal, "archive")
    assert [event.body["day"] for event in noted] == [day["day"] for day in moved]
    assert all(is_genuine(event.body) for event in noted)
    assert told() == before
    assert served.replay("c0007")["same"]
    report = served.take_outcomes(str(tmp_path / "all.csv"))
    assert (report["recorded"], report["already"], report["unknown"]) == (10, 290, [])
    again = archive(folder, served.config, LATER)["moved"]
    assert sum(day["outcomes"] for day in again) == 300
    assert archive(folder, served.config, LATER)["moved"] == []
    assert told()[3] == before[3]

    assert holding(folder.days, PERSON)
    receipt = served.forget(PERSON)
    assert receipt["erased"]["journal: predictions"] == 1
    assert receipt["erased"]["journal: outcomes"] == 1
    assert holding(folder.days, PERSON) == []
    with pytest.raises(JournalError, match="no prediction"):
        served.trace(PERSON)


def test_days_past_keep_for_are_gone_and_their_deletion_is_told(served: Project) -> None:
    folder = served.folder
    archive(folder, served.config, LATER)
    with closing(open_journal(folder.journal)) as journal:
        add_refusals(journal, [NewRefusal(1_700_000_000_000_000, 422, "[]")])
    document = archive(folder, served.config, LATER + timedelta(days=300))
    assert sum(day["predictions"] for day in document["deleted"]) == 300
    assert document["deleted_refusals"] == 1
    assert list(folder.days.iterdir()) == []
    with closing(open_journal(folder.journal)) as journal:
        told = events(journal, "retention")
    assert told.pop().body["refusals"] == 1
    assert [(e.body["day"], e.body["predictions"], e.body["outcomes"]) for e in told] == [
        (day["day"], day["predictions"], day["outcomes"]) for day in document["deleted"]
    ]
    with pytest.raises(JournalError, match=r"serve\.keep_for"):
        served.trace("c0007")


def test_the_command_says_what_it_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = project_of_letters(tmp_path)
    here = ["--project", str(project.folder.root)]
    assert main(["archive", *here]) == 2
    assert "set serve.archive_after" in capsys.readouterr().err
    with_serve(project, "{archive_after: 90d}")
    assert main(["archive", *here]) == 0
    assert capsys.readouterr().out == "no day is old enough to be moved or deleted\n"
    old = pl.datetime_range(datetime(2026, 1, 1), datetime(2026, 1, 3), "12h", eager=True)
    from tenure.journal.entries import to_micros
    from tenure.journal.writer import add_predictions
    from tests.journal.test_move import prediction

    with closing(open_journal(project.folder.journal)) as journal:
        add_predictions(journal, [prediction(n, to_micros(at)) for n, at in enumerate(old)])
    with_serve(project, "{archive_after: 1d}")
    assert main(["archive", *here, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [(day["day"], day["predictions"]) for day in document["moved"]] == [
        ("2026-01-01", 2),
        ("2026-01-02", 2),
        ("2026-01-03", 1),
    ]
    with_serve(project, "{keep_for: 2d}")
    assert main(["archive", *here]) == 0
    text = capsys.readouterr().out
    assert text == "3 day(s), 2026-01-01 to 2026-01-03 (5 predictions, 0 outcomes), deleted\n"


def test_a_length_that_would_never_move_a_day_is_refused(tmp_path: Path) -> None:
    project = with_serve(project_of_letters(tmp_path), "{archive_after: 90d, keep_for: 30d}")
    with pytest.raises(ConfigError, match="never moved"):
        _ = project.config


def test_what_a_killed_move_left_half_written_is_cleared_away(tmp_path: Path) -> None:
    project = with_serve(project_of_letters(tmp_path), "{archive_after: 90d}")
    project.folder.days.mkdir(parents=True)
    (project.folder.days / ".tmp-abc.parquet").write_text(PERSON)
    project.archive()
    assert list(project.folder.days.iterdir()) == []
