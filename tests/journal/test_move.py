"""Days that are moved out of the database: readers see no difference at any moment; nothing is lost or doubled."""

from __future__ import annotations

import random
import signal
import struct
import subprocess
import sys
import threading
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.journal.builders import make_prediction, to_text

from tenure.durable import TEMPORARY
from tenure.errors import JournalError
from tenure.journal import day_files, days, move
from tenure.journal.entries import GivenOutcome, NewPrediction, NewRefusal, NewShadow, from_micros
from tenure.journal.erase import count_person, erase_person
from tenure.journal.identifiers import first_id_at
from tenure.journal.move import count_day, days_here, drop_day, drop_refusals, move_day
from tenure.journal.place import Place
from tenure.journal.queries import (
    events,
    find_outcome,
    find_prediction,
    find_shadows,
    health,
    labelled,
    latest_predictions,
    latest_rows,
    predictions_between,
    predictions_of_row,
    refusals,
)
from tenure.journal.rows import KeptRow, to_frame
from tenure.journal.sqlite import MIGRATIONS
from tenure.journal.tables import Journal, open_journal
from tenure.journal.writer import (
    add_outcomes,
    add_outcomes_of_rows_here,
    add_predictions,
    add_refusals,
    add_shadows,
)

HOUR = 3_600_000_000
START = days.times_of_day("2026-03-01")[0]
DAYS = ["2026-03-01", "2026-03-02", "2026-03-03"]


def prediction(number: int, at: int, **changes: Any) -> NewPrediction:
    identifier = first_id_at(at)[:-16] + f"8{number:015x}"
    return make_prediction(f"row {number % 7}", id=identifier, at=at, **changes)


def add_batch(journal: Journal, rows: list[NewPrediction]) -> None:
    """Write predictions as those of a long table."""
    day_files.write_batch(journal.days, to_frame([KeptRow(*row) for row in sorted(rows)]))


def view(journal: Journal, batch: int = 3) -> list[Any]:
    """All that readers can see, but for the clock's time of outcomes."""
    rows = [p for page in predictions_between(journal, batch=batch) for p in page]
    ids = [p.id for p in rows]
    window = from_micros(START + 5 * HOUR), from_micros(START + 40 * HOUR)
    outcomes = {i: find_outcome(journal, i) for i in ids}
    return [
        rows,
        [(p.id, outcome) for p, outcome in labelled(journal, batch=batch)],
        [p.id for page in predictions_between(journal, *window, batch=batch) for p in page],
        [(p.id, outcome) for p, outcome in labelled(journal, *window, batch=batch)],
        health(journal),
        health(journal, *window),
        {i: o and (o.outcome, [value for value, _ in o.earlier]) for i, o in outcomes.items()},
        [find_prediction(journal, i) for i in ids],
        [predictions_of_row(journal, f"row {n}") for n in range(7)],
        [latest_rows(journal, n) for n in (1, 5, 1000)],
        [latest_predictions(journal, release, n) for n in (1, 4, 1000) for release in ("abc", "other")],
    ]


def rows_in_database(journal: Journal, day: str) -> int:
    query = "SELECT count(*) FROM predictions WHERE id >= ? AND id < ?"
    return int(journal.db.execute(query, days.ids_of_day(day)).fetchone()[0])


@pytest.mark.parametrize("seed", range(6))
def test_a_journal_whose_days_are_moved_answers_as_one_whose_days_are_not(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
):
    choose = random.Random(seed)
    monkeypatch.setattr(move, "_ROWS_PER_DELETE", choose.choice([2, 3, 50]))
    monkeypatch.setattr(day_files, "ROWS_PER_GROUP", choose.choice([2, 5, 50]))
    numbers = seed % 3 == 0
    with (
        closing(open_journal(tmp_path / "a.db")) as moving,
        closing(open_journal(tmp_path / "b.db")) as still,
    ):
        known: list[NewPrediction] = []
        for step in range(60):
            kind = choose.choice(["predict", "predict", "batch", "outcome", "outcome", "move", "interrupt"])
            if kind in ("predict", "batch"):
                new = [
                    prediction(
                        len(known) + i,
                        START + choose.randrange(72 * HOUR),
                        version=str(step // 30),
                        release=choose.choice(["abc", "other"]),
                        prediction=choose.gauss(0, 1) if numbers else "Yes",
                        seconds=choose.random(),
                    )
                    for i in range(choose.choice([1, 4]))
                ]
                known += new
                add_predictions(still, new)
                if kind == "predict":
                    add_predictions(moving, new)
                else:
                    add_batch(moving, new)
            elif kind == "outcome" and known:
                given = []
                for _ in range(choose.choice([1, 5])):
                    label = choose.choice([0.5, 1.25]) if numbers else choose.choice(["Yes", "No", "Ünsure"])
                    one = choose.choice(known)
                    names = [(one.id, None), (None, one.row_id), ("nobody", one.row_id), (f"{1:032x}", None)]
                    given.append(GivenOutcome(*choose.choice(names), label))
                assert add_outcomes(moving, given) == add_outcomes(still, given)
            elif kind == "move":
                day = choose.choice(DAYS)
                move_day(moving, day)
                assert rows_in_database(moving, day) == 0
            elif kind == "interrupt":  # as if it were killed between the file and the deletion
                day_files.remove_taken_in(moving.days)
                with monkeypatch.context() as patch:
                    patch.setattr(move, "_leave", lambda *_: None)
                    patch.setattr(day_files, "remove_taken_in", lambda *_: None)
                    move_day(moving, choose.choice(DAYS))
            if step % 15 == 14:
                assert view(moving, choose.choice([1, 3, 1000])) == view(still)
        for day in sorted({*days_here(moving, "2026-03-04"), *day_files.days_with_batches(moving.days)}):
            move_day(moving, day)
        assert day_files.days_with_batches(moving.days) == set()
        assert days_here(moving, "2026-03-04") == []
        assert view(moving) == view(still)
        left = {
            table: moving.db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("predictions", "outcomes", "corrections")
        }
        assert set(left.values()) == {0}


def test_a_batch_over_midnight_is_of_both_days(journal: Journal):
    rows = [prediction(n, START + (20 + n) * HOUR) for n in range(8)]
    add_batch(journal, rows)
    assert day_files.list_days(journal.days) == DAYS[:2]
    assert [count_day(journal, day).predictions for day in DAYS] == [4, 4, 0]
    assert [p.id for page in predictions_between(journal, batch=3) for p in page] == [row.id for row in rows]
    drop_day(journal, DAYS[0])
    assert [p.id for page in predictions_between(journal) for p in page] == [row.id for row in rows[4:]]
    assert day_files.list_days(journal.days) == DAYS[1:2]


@pytest.mark.parametrize("n_batches", [1, 3])
def test_a_row_id_finds_the_latest_of_database_and_batches(journal: Journal, n_batches: int):
    for step in range(3 * n_batches):
        new = prediction(7 * step, START + step * HOUR)
        (add_batch if step % 3 == 1 else add_predictions)(journal, [new])
        label = f"of {step}"
        given = [GivenOutcome(None, new.row_id, label)]
        assert add_outcomes(journal, given).recorded == 1
        assert find_outcome(journal, new.id).outcome == label
        # with files, one that is not later than they are is looked for in them
        assert (add_outcomes_of_rows_here(journal, given) is None) == (step % 3 == 1)


def test_batches_that_come_do_not_make_readers_and_outcomes_start_again(journal: Journal):
    rows = [prediction(n, START + n) for n in range(4)]
    add_batch(journal, rows[:1])
    add_predictions(journal, rows[1:2])
    tries = []

    def read() -> None:
        tries.append(1)
        add_batch(journal, [rows[1 + len(tries)]])

    day_files.settled(journal.days, read)
    assert len(tries) == 1
    before = day_files.stamps(journal.days)
    move_day(journal, DAYS[0])
    assert day_files.are_replaced(journal.days, before)
    before = day_files.stamps(journal.days)
    add_batch(journal, [rows[3]])
    assert not day_files.are_replaced(journal.days, before)
    assert sorted(p.id for page in predictions_between(journal) for p in page) == [row.id for row in rows]


def test_a_batch_that_was_taken_in_stays_so_until_it_is_gone(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
):
    rows = [prediction(n, START + n, input='{"customer": "ZYX-1"}') for n in range(3)]
    add_batch(journal, rows[:1])
    with monkeypatch.context() as patch:  # killed before the batch is removed
        patch.setattr(day_files, "remove_taken_in", lambda *_: None)
        move_day(journal, DAYS[0])
    assert [file.is_batch for file in day_files.list_files(journal.days)] == [False]
    add_batch(journal, rows[1:])
    move_day(journal, DAYS[0])
    assert [p.id for page in predictions_between(journal) for p in page] == [row.id for row in rows]
    assert len(list(journal.days.iterdir())) == 1
    add_batch(journal, [prediction(5, START + 5, input='{"customer": "ZYX-1"}')])
    with monkeypatch.context() as patch:
        patch.setattr(day_files, "remove_taken_in", lambda *_: None)
        move_day(journal, DAYS[0])
    assert count_person(journal, ["customer"], "ZYX-1")["predictions"] == 4
    erase_person(journal, ["customer"], "ZYX-1")
    assert list(journal.days.iterdir()) == []


def test_a_file_is_a_table_that_other_tools_read_with_the_same_bits(journal: Journal):
    rows = [
        prediction(0, START, prediction=0.1 + 0.2, probability=None),
        prediction(1, START + HOUR, prediction="Ja", probability=5e-324),
    ]
    add_predictions(journal, rows)
    add_outcomes(journal, [GivenOutcome(rows[1].id, None, "Nein")])
    move_day(journal, DAYS[0])
    table = pl.read_parquet(day_files.path_of(journal.days, DAYS[0]))
    assert table["prediction"].to_list() == [None, "Ja"]
    assert struct.pack("d", table["prediction_number"][0]) == struct.pack("d", 0.1 + 0.2)
    assert table["probability"].to_list() == [None, 5e-324]
    assert table["outcome"].to_list() == [None, "Nein"]
    assert table["at"].dtype == pl.Datetime("us", "UTC")
    assert table["at"][1] == from_micros(START + HOUR)


def test_an_outcome_of_a_moved_prediction_needs_a_look_into_its_file(journal: Journal):
    old, new = prediction(0, START), prediction(1, START + 48 * HOUR)
    add_predictions(journal, [old, new])
    assert add_outcomes_of_rows_here(journal, [GivenOutcome("nobody", None, "Yes")]).unknown == ("nobody",)
    move_day(journal, DAYS[0])
    given = [GivenOutcome(old.id, None, "Yes"), GivenOutcome(new.id, None, "No")]
    assert add_outcomes_of_rows_here(journal, given[1:]).recorded == 1
    assert add_outcomes_of_rows_here(journal, given) is None
    assert find_outcome(journal, old.id) is None
    report = add_outcomes(journal, given)
    assert (report.recorded, report.already) == (1, 1)


def test_a_row_that_is_moved_between_look_and_write_gets_its_outcome(
    journal: Journal, place: Place, monkeypatch: pytest.MonkeyPatch
):
    from tenure.journal import writer

    row = prediction(0, START)
    add_predictions(journal, [row])
    add_outcomes(journal, [GivenOutcome(row.id, None, "Yes")])
    looks = []

    def look_then_move(journal: Journal, outcomes: Any) -> Any:
        found = find_moved(journal, outcomes)
        looks.append(found)
        if len(looks) == 1:
            move_day(journal, DAYS[0])
        elif len(looks) == 2:  # its outcome is folded into the file once more
            add_outcomes(other, [GivenOutcome(row.id, None, "No")])
            move_day(journal, DAYS[0])
        return found

    find_moved = writer.find_moved
    with closing(open_journal(place)) as other:
        monkeypatch.setattr(
            writer, "find_moved", lambda j, o: (find_moved if j is other else look_then_move)(j, o)
        )
        report = add_outcomes(journal, [GivenOutcome(row.id, None, "No")])
    assert (report.already, len(looks)) == (1, 3)
    outcome = find_outcome(journal, row.id)
    assert (outcome.outcome, [value for value, _ in outcome.earlier]) == ("No", ["Yes"])


# Moves a day and dies at a given point of it.
KILLED = """
import os, signal, sys
from tests.journal.builders import place_of
from tenure import durable
from tenure.journal import day_files, days, move
from tenure.journal.tables import open_journal

move._ROWS_PER_DELETE = 40

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

place = sys.argv[2]
if place == "written":
    durable.os.replace = die
elif place == "renamed":
    durable.flush_folder = die
else:
    sleep, calls = move.time.sleep, []
    def count(seconds):
        calls.append(seconds)
        if len(calls) == int(place):
            die()
    move.time.sleep = count
move.move_day(open_journal(place_of(sys.argv[1])), "2026-03-01")
print("survived")
"""


@pytest.mark.parametrize("moment", ["written", "renamed", "1", "2", "3", "5"])
def test_killed_at_each_moment_of_a_move_every_row_is_there_once(place: Place, moment: str):
    with closing(open_journal(place)) as journal:
        rows = [prediction(n, START + n * 1_000_000) for n in range(100)]
        add_predictions(journal, rows)
        add_outcomes(journal, [GivenOutcome(row.id, None, "Yes") for row in rows[::2]])
        add_outcomes(journal, [GivenOutcome(row.id, None, "No") for row in rows[:50:2]])
        before = view(journal)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, to_text(place), moment], capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, b"")
    with closing(open_journal(place)) as journal:
        assert view(journal) == before
        assert add_outcomes(journal, [GivenOutcome(rows[0].id, None, "No")]).already == 1
        assert count_day(journal, DAYS[0]) == move.DayCount(DAYS[0], 100, 50)
        move_day(journal, DAYS[0])
        assert rows_in_database(journal, DAYS[0]) == 0
        assert view(journal) == before
    assert len(list(journal.days.glob(f"{TEMPORARY}*"))) == (moment == "written")


@pytest.mark.parametrize("by_row", [False, True])
def test_while_days_are_moved_readers_see_every_row_once_and_each_outcome_given(place: Place, by_row: bool):
    stop = threading.Event()
    failures: list[BaseException] = []
    known: dict[str, str] = {}  # acknowledged id -> acknowledged outcome

    def guarded(work: Any) -> threading.Thread:
        def run() -> None:
            try:
                with closing(open_journal(place)) as journal:
                    while not stop.is_set():
                        work(journal)
            except BaseException as error:
                failures.append(error)
                stop.set()

        return threading.Thread(target=run)

    def write(journal: Journal) -> None:
        new = [
            prediction(len(known) + i, START + (len(known) + i) % 86_000 * 1_000_000)._replace(
                row_id=f"r{len(known) + i}"
            )
            for i in range(20)
        ]
        random.choice([add_predictions, add_batch])(journal, new)
        earlier = random.sample(sorted(known), min(5, len(known)))
        labels = {row.id: "first" for row in new} | dict.fromkeys(earlier, f"later {len(known)}")
        names = {identifier: f"r{int(identifier[-15:], 16)}" for identifier in labels}
        given = [
            GivenOutcome(None, names[identifier], label) if by_row else GivenOutcome(identifier, None, label)
            for identifier, label in labels.items()
        ]
        report = add_outcomes(journal, given)
        assert report.recorded == 20
        assert report.unknown == ()
        known.update(labels)

    def read(journal: Journal) -> None:
        before = set(known)
        ids = [p.id for page in predictions_between(journal, batch=50) for p in page]
        assert len(ids) == len(set(ids))
        assert before <= set(ids)
        pairs = [p.id for p, _ in labelled(journal, batch=50)]
        assert len(pairs) == len(set(pairs))
        assert before <= set(pairs)
        assert health(journal).outcomes >= len(before)

    def move_often(journal: Journal) -> None:
        move_day(journal, DAYS[0])
        # an outcome is tried again whenever a file was replaced meanwhile: without a pause it would never be in time
        stop.wait(0.2)

    threads = [guarded(write), guarded(read), guarded(move_often)]
    for thread in threads:
        thread.start()
    stop.wait(3)
    stop.set()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    assert len(known) > 100
    with closing(open_journal(place)) as journal:
        assert {p.id: label for p, label in labelled(journal)} == known
        move_day(journal, DAYS[0])
        assert {p.id: label for p, label in labelled(journal)} == known
        assert rows_in_database(journal, DAYS[0]) == 0


FULL = """
import resource, signal, sys
from pathlib import Path
from tenure.errors import JournalError
from tenure.journal.move import move_day
from tenure.journal.tables import open_journal

journal = open_journal(Path(sys.argv[1]))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
try:
    move_day(journal, "2026-03-01")
except JournalError as error:
    print(error.todo)
"""


def test_a_full_disk_stops_the_move_and_nothing_is_lost(tmp_path: Path):
    path = tmp_path / "journal.db"
    choose = random.Random(0)
    with closing(open_journal(path)) as journal:
        rows = [
            prediction(n, START + n, input=f'{{"x": "{choose.randbytes(50).hex()}"}}') for n in range(500)
        ]
        add_predictions(journal, rows)
    done = subprocess.run([sys.executable, "-c", FULL, path], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("free space on its disk"), done.stdout
    assert list((tmp_path / "journal").iterdir()) == []
    with closing(open_journal(path)) as journal:
        assert rows_in_database(journal, DAYS[0]) == 500


# Writes two batches; the second meets a full disk, or dies at a given point.
SECOND_BATCH = """
import os, resource, signal, sys
from pathlib import Path
from tenure import durable
from tenure.errors import JournalError
from tenure.journal.tables import open_journal
from tests.journal.test_move import START, add_batch, prediction

moment = sys.argv[2]
journal = open_journal(Path(sys.argv[1]))
add_batch(journal, [prediction(n, START + n) for n in range(500)])

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

if moment == "full":
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
elif moment == "written":
    durable.os.replace = die
else:
    durable.flush_folder = die
try:
    add_batch(journal, [prediction(n, START + n) for n in range(500, 1000)])
except JournalError as error:
    print(error.todo)
"""


@pytest.mark.parametrize(
    ("moment", "n_rows", "n_left"), [("full", 500, 0), ("written", 500, 1), ("renamed", 1000, 0)]
)
def test_a_batch_is_there_whole_or_not_at_all(tmp_path: Path, moment: str, n_rows: int, n_left: int):
    path = tmp_path / "journal.db"
    command = [sys.executable, "-c", SECOND_BATCH, path, moment]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if moment == "full":
        assert (done.returncode, done.stdout) == (0, "free space on its disk, or make the folder writable\n")
    else:
        assert (done.returncode, done.stdout) == (-signal.SIGKILL, "")
    assert len(list((tmp_path / "journal").glob(f"{TEMPORARY}*"))) == n_left
    with closing(open_journal(path)) as journal:
        assert len([p for page in predictions_between(journal) for p in page]) == n_rows


def test_a_file_that_cannot_be_read_is_named(journal: Journal):
    add_predictions(journal, [prediction(0, START)])
    move_day(journal, DAYS[0])
    path = day_files.path_of(journal.days, DAYS[0])
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(JournalError) as caught:
        list(predictions_between(journal))
    assert caught.value.where == str(path)


def test_other_files_beside_the_days_are_left_alone(journal: Journal):
    journal.days.mkdir()
    (journal.days / "notes.parquet").write_text("mine")
    add_predictions(journal, [prediction(0, START)])
    assert len(view(journal)[0]) == 1


def test_a_day_is_deleted_wherever_it_is(journal: Journal):
    rows = [prediction(n, START + n * 12 * HOUR) for n in range(6)]
    add_predictions(journal, rows)
    move_day(journal, DAYS[0])
    add_outcomes(journal, [GivenOutcome(row.id, None, label) for row in rows for label in ("Yes", "No")])
    add_refusals(journal, [NewRefusal(START, 422, "[]"), NewRefusal(START + 24 * HOUR, 422, "[]")])
    assert days_here(journal, DAYS[2]) == DAYS[:2]
    for day in DAYS[:2]:
        drop_day(journal, day)
    assert drop_refusals(journal, DAYS[1]) == 1
    assert [p.id for page in predictions_between(journal) for p in page] == [row.id for row in rows[4:]]
    assert health(journal).outcomes == 2
    assert len(refusals(journal)) == 1
    assert day_files.list_days(journal.days) == []
    assert add_outcomes(journal, [GivenOutcome(rows[0].id, None, "Yes")]).unknown == (rows[0].id,)


def test_a_person_is_erased_from_moved_days(journal: Journal):
    mine = {"customer": "ZYX-1", "note": "hello"}
    rows = [
        prediction(0, START)._replace(row_id="ZYX-1"),
        prediction(1, START + HOUR, input='{"customer": " ZYX-1 "}'),
        prediction(2, START + 2 * HOUR, input='{"customer": "other"}'),
        prediction(3, START + 24 * HOUR, input=str(mine).replace("'", '"')),
        prediction(4, START + 48 * HOUR)._replace(row_id="ZYX-1"),
    ]
    add_predictions(journal, rows)
    add_outcomes(journal, [GivenOutcome(rows[0].id, None, label) for label in ("Yes", "No")])
    for day in DAYS[:2]:
        move_day(journal, day)
    add_outcomes(journal, [GivenOutcome(rows[0].id, None, "Yes"), GivenOutcome(rows[1].id, None, "Yes")])
    expected = {"predictions": 4, "outcomes": 2, "corrections": 2, "refusals": 0}
    assert count_person(journal, ["customer"], "ZYX-1") == expected
    erase_person(journal, ["customer"], "ZYX-1")
    assert count_person(journal, ["customer"], "ZYX-1") == dict.fromkeys(expected, 0)
    assert [p.id for page in predictions_between(journal) for p in page] == [rows[2].id]
    assert day_files.list_days(journal.days) == DAYS[:1]
    for path in journal.days.parent.rglob("*"):
        assert path.is_dir() or b"ZYX-1" not in path.read_bytes()


def test_a_journal_of_the_first_schema_takes_outcomes_of_moved_days(tmp_path: Path, monkeypatch: Any):
    from tenure.journal import sqlite

    path = tmp_path / "journal.db"
    row = prediction(0, START)
    monkeypatch.setattr(sqlite, "MIGRATIONS", MIGRATIONS[:1])
    with closing(open_journal(path)) as old:
        add_predictions(old, [row])
        add_outcomes(old, [GivenOutcome(row.id, None, label) for label in ("a", "b", "c")])
        before = find_outcome(old, row.id)
    monkeypatch.setattr(sqlite, "MIGRATIONS", MIGRATIONS)
    with closing(open_journal(path)) as journal:
        assert find_outcome(journal, row.id) == before
        move_day(journal, DAYS[0])
        assert find_outcome(journal, row.id) == before
        assert events(journal) == []


def test_times_of_outcomes_are_those_they_were_given_at(journal: Journal):
    row = prediction(0, START)
    add_predictions(journal, [row])
    for label in ("a", "b"):
        add_outcomes(journal, [GivenOutcome(row.id, None, label)])
        time.sleep(0.002)
    before = find_outcome(journal, row.id)
    move_day(journal, DAYS[0])
    assert find_outcome(journal, row.id) == before
    assert before.at - before.earlier[0][1] >= timedelta(milliseconds=2)


READERS = {
    "predictions": lambda journal: [p.id for page in predictions_between(journal) for p in page],
    "labelled": lambda journal: [p.id for p, _ in labelled(journal)],
    "health": lambda journal: (health(journal).predictions, health(journal).outcomes),
    "latest": lambda journal: latest_rows(journal, 10),
    "row": lambda journal: predictions_of_row(journal, "row 1"),
    "one": lambda journal: find_prediction(journal, prediction(1, START + 1).id),
    "outcome": lambda journal: find_outcome(journal, prediction(1, START + 1).id),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("look", [1, 2, 3])
def test_a_move_in_the_middle_of_a_look_is_noticed(
    journal: Journal, place: Place, monkeypatch: pytest.MonkeyPatch, reader: str, look: int
):
    rows = [prediction(n, START + n) for n in range(5)]
    add_predictions(journal, rows)
    add_outcomes(journal, [GivenOutcome(row.id, None, "Yes") for row in rows])
    before = READERS[reader](journal)
    list_files, looks = day_files.list_files, []

    def list_then_move(folder: Path) -> list[day_files.DayFile]:
        found = list_files(folder)
        looks.append(found)
        if len(looks) == look:
            with closing(open_journal(place)) as other:
                move_day(other, DAYS[0])
        return found

    monkeypatch.setattr(day_files, "list_files", list_then_move)
    assert READERS[reader](journal) == before
    assert len(looks) < look or rows_in_database(journal, DAYS[0]) == 0


def test_rows_that_leave_the_database_while_they_are_counted_are_counted(
    journal: Journal, place: Place, monkeypatch: pytest.MonkeyPatch
):
    rows = [prediction(n, START + n) for n in range(5)]
    add_predictions(journal, rows)
    add_outcomes(journal, [GivenOutcome(row.id, None, "Yes") for row in rows])
    with monkeypatch.context() as patch:  # killed before the deletion
        patch.setattr(move, "_leave", lambda *_: None)
        move_day(journal, DAYS[0])
    before = health(journal)
    scan, looks = day_files.scan, []

    def leave_then_scan(files: Any) -> Any:
        if not looks:
            looks.append(files)
            with closing(open_journal(place)) as other:
                for part in move._PARTS:
                    move._leave(other, DAYS[0], part)
        return scan(files)

    monkeypatch.setattr(day_files, "scan", leave_then_scan)
    assert health(journal) == before
    assert rows_in_database(journal, DAYS[0]) == 0


def test_what_a_listening_version_said_goes_with_the_person_and_with_the_day(journal: Journal):
    listened = [prediction(n, START + n) for n in range(3)]
    add_predictions(journal, listened)
    said = [NewShadow(row.id, "2", "xyz", "No", 0.25, "[-1.0]", None, 0.001) for row in listened]
    add_shadows(journal, said)
    add_shadows(journal, said)  # once

    def said_of(rows: list[NewPrediction]) -> list[NewShadow]:
        return [found for row in rows for found in find_shadows(journal, row.id)]

    for day in days_here(journal, "9999-12-31"):
        move_day(journal, day)
    assert said_of(listened) == said
    erase_person(journal, ["customer"], "row 1")
    assert said_of(listened) == [said[0], said[2]]
    drop_day(journal, DAYS[0])
    assert journal.db.execute("SELECT count(*) FROM shadows").fetchone() == (0,)
