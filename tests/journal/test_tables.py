from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from tenure.errors import JournalError
from tenure.journal.sqlite import MIGRATIONS
from tenure.journal.tables import Journal, open_journal
from tenure.journal.writer import record_event


def test_every_commit_is_durable(in_file: Journal):
    journal = in_file
    assert journal.db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert journal.db.execute("PRAGMA synchronous").fetchone()[0] == 2  # FULL
    assert journal.db.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS)


def test_many_may_create_it_at_once(tmp_path: Path):
    with ThreadPoolExecutor(8) as pool:
        for number in range(30):  # one in ten failed
            path = tmp_path / str(number) / "journal.db"
            for db in pool.map(open_journal, [path] * 8):
                db.close()


@pytest.mark.parametrize("content", [b"not a database at all, but some text\n" * 100, b"\x00" * 4096])
def test_a_file_that_is_no_journal_is_refused_and_kept(tmp_path: Path, content: bytes):
    path = tmp_path / "journal.db"
    path.write_bytes(content)
    with pytest.raises(JournalError) as caught:
        open_journal(path)
    assert str(path) in str(caught.value)
    assert caught.value.todo
    assert path.read_bytes() == content


def test_another_database_is_refused(tmp_path: Path):
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE customers (id)")
    with pytest.raises(JournalError, match="not a journal"):
        open_journal(path)


def test_a_newer_journal_is_refused(tmp_path: Path):
    path = tmp_path / "journal.db"
    with closing(open_journal(path)) as db:
        db.db.execute("PRAGMA user_version=99")
    with pytest.raises(JournalError, match="schema version 99"):
        open_journal(path)


def test_a_missing_journal_is_named(tmp_path: Path):
    with pytest.raises(JournalError, match="no journal yet"):
        open_journal(tmp_path / "journal.db", create=False)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="folder of the journal"):
        open_journal(tmp_path / "file" / "journal.db")


def test_a_held_lock_is_named(tmp_path: Path):
    path = tmp_path / "journal.db"
    with closing(open_journal(path)) as first, closing(open_journal(path, busy_seconds=0.05)) as second:
        with first.db.transaction(), pytest.raises(JournalError, match="locked") as caught:
            record_event(second, "run", {})
        assert "another process" in str(caught.value)
        record_event(second, "run", {})


def test_a_failed_transaction_leaves_nothing(journal: Journal):
    def fail_half_way() -> None:
        with journal.db.transaction():
            record_event(journal, "run", {})
            raise KeyError

    with pytest.raises(KeyError):
        fail_half_way()
    assert journal.db.execute("SELECT count(*) FROM events").fetchone()[0] == 0
