"""The circle of a project whose journal is in PostgreSQL: store.journal is one line of tenure.yaml."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tenure.cli import main
from tenure.errors import ConfigError
from tenure.journal.place import Address
from tenure.journal.queries import count_predictions, events
from tenure.journal.tables import open_journal
from tenure.project import Project
from tenure.project.archiving import archive
from tests import servers

from .letters import CONFIG, PERSON, letters, project_of_letters
from .test_forgetting import holding


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    pytest.importorskip("psycopg")
    with servers.postgresql() as found:
        yield found


@pytest.mark.slow
def test_the_circle_with_a_journal_in_postgresql(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PGPASSWORD", servers.PASSWORD)
    folder = project_of_letters(tmp_path).folder
    (folder.root / "tenure.yaml").write_text(
        f'{CONFIG}serve: {{archive_after: 90d}}\nstore: {{journal: "{address}"}}\n'
    )
    project = Project(folder)
    assert isinstance(folder.journal, Address)
    project.run()
    project.predict(str(tmp_path / "letters.csv"), str(tmp_path / "scored.csv"))
    letters().select("customer", "left").write_csv(tmp_path / "outcomes.csv")
    assert project.take_outcomes(str(tmp_path / "outcomes.csv"))["recorded"] == 300
    until = datetime.now(UTC)

    def told() -> list[object]:
        report = project.monitor(until=until).to_dict()
        return [report["drift"], report["performance"], report["health"], project.trace("c0007")]

    before = told()
    assert before[2]["predictions"] == 300
    assert project.replay("c0007")["same"]
    moved = archive(folder, project.config, datetime.now(UTC) + timedelta(days=100))["moved"]
    assert sum(day["outcomes"] for day in moved) == 300
    assert told() == before
    receipt = project.forget(PERSON)
    assert receipt["erased"]["journal: predictions"] == 1
    with closing(open_journal(folder.journal)) as journal:
        assert count_predictions(journal) == 299
        assert {"run", "promotion", "batch", "monitor", "archive", "forget"} <= {
            event.kind for event in events(journal)
        }
    assert not (folder.own / "journal.db").exists()
    assert holding(folder.root, servers.PASSWORD, "s3cret") == []

    monkeypatch.setenv("PGPASSWORD", "wrong")
    assert main(["trace", "c0007", "--project", str(folder.root)]) == 2
    said = capsys.readouterr().err
    assert "mend the user or the password in store.journal" in said
    assert "${PGPASSWORD}" in said
    monkeypatch.delenv("PGPASSWORD")
    assert main(["trace", "c0007", "--project", str(folder.root)]) == 2
    assert "PGPASSWORD, which is not set" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ("mysql://h/d", "begins with postgresql://"),
        ("postgresql://u:secret@h/d", "reference"),
        ("postgresql://h/d?password=secret", "reference"),
    ],
)
def test_an_address_that_is_none_or_holds_a_password_is_refused(
    tmp_path: Path, given: str, word: str
) -> None:
    project = project_of_letters(tmp_path)
    (project.folder.root / "tenure.yaml").write_text(f"{CONFIG}store: {json.dumps({'journal': given})}\n")
    with pytest.raises(ConfigError, match=word) as caught:
        _ = project.config
    assert "secret" not in str(caught.value)
