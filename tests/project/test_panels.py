"""From event tables to a model and its scores, by the command line and a tenure.yaml."""

from __future__ import annotations

import json
import random
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from tenure.cli import main
from tenure.errors import ConfigError
from tenure.prepare.split import TEST
from tenure.project import Project
from tenure.project.prepared import load_prepared
from tenure.project.versions import list_versions

CONFIG = """\
name: shop
data:
  target: churned
  id: customer
  cutoffs: [2024-04-01, 2024-05-01]
  label: {table: visits, when: none, within: 30d}
  tables:
    visits:
      source: visits.txt
      delimiter: whitespace
      key: customer
      time: day
      known: booked
      windows: [30d, all]
      aggregates: {amount: [sum, last], "*": [count, days_since_last]}
    tickets:
      source: tickets.csv
      key: who
      time: opened
      windows: [all]
model: {candidates: [logistic], trials: 1}
"""


def day(number: int) -> str:
    return f"2024{1 + number // 28:02d}{1 + number % 28:02d}"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Customers who come every so many days, some of whom stop; visits booked up to three days late."""
    chance = random.Random(0)
    lines, tickets = ["customer  day booked  amount"], ["who,opened"]
    for number in range(300):
        every, stops = chance.choice([3, 9, 25]), chance.choice([60, 90, 150])
        for at in range(chance.randrange(20), stops, every):
            lines.append(
                f" {number:05d} {day(at)}  {day(at + chance.randrange(4))} {chance.uniform(1, 50):.2f}"
            )
        if stops < 100:
            tickets.append(f"{number:05d},2024-02-11")
    (tmp_path / "visits.txt").write_text("\n".join(lines) + "\n")
    (tmp_path / "tickets.csv").write_text("\n".join(tickets) + "\n")
    (tmp_path / "tenure.yaml").write_text(CONFIG)
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    assert main([*arguments, "--json"]) == 0
    return dict(json.loads(capsys.readouterr().out))


def test_from_raw_events_to_scores_by_config_only(shop: Path, monkeypatch, capsys):
    monkeypatch.chdir(shop)
    report = told(capsys, "run")
    assert report["task"] == "binary"
    assert report["test"]["roc_auc"]["low"] > 0.6
    prepared = load_prepared(Project.open(str(shop)).folder)
    kept = prepared.rows.collect()
    assert kept.select("customer", "cutoff").is_duplicated().sum() == 0
    parts = kept.select("customer", part=pl.Series(prepared.parts)).group_by("customer").n_unique()
    assert parts["part"].max() == 1
    # test customers are seen at the later cutoff only, the others at both
    tested = pl.Series(prepared.parts) == TEST
    assert kept.filter(tested)["cutoff"].unique().to_list() == [datetime(2024, 5, 1)]
    assert kept.filter(~tested)["cutoff"].value_counts()["count"].min() == 240
    assert sum("60 of 600 rows" in warning for warning in report["warnings"]) == 1
    features = {column.name for column in prepared.recipe.features}
    assert "visits_amount_sum_30d" in features
    assert not {"customer", "cutoff", "churned"} & features
    for output in ("now.csv", "now.parquet"):
        panel = told(capsys, "panel", output, "--at", "2024-05-01")
        assert panel["rows"] == 300
        told(capsys, "predict", output, f"scores.{output}.csv")
    scores = [pl.read_csv(shop / f"scores.now.{kind}.csv", infer_schema=False) for kind in ("csv", "parquet")]
    assert scores[0].equals(scores[1])
    assert scores[0].columns == ["customer", "prediction", "probability"]


def test_a_strict_split_tests_later_than_it_trains(shop: Path):
    (shop / "tenure.yaml").write_text(f"{CONFIG}split: {{panel: strict}}\n")
    prepared = Project.open(str(shop)).prepare()
    kept = prepared.rows.collect()
    tested = pl.Series(prepared.parts) == TEST
    assert kept.filter(tested)["cutoff"].min() > kept.filter(~tested)["cutoff"].max()


def test_the_panel_at_a_training_cutoff_is_what_was_trained_on(shop: Path):
    project = Project.open(str(shop))
    kept = project.prepare().rows.collect()
    project.panel(str(shop / "then.parquet"), at="2024-04-01")
    then = pl.read_parquet(shop / "then.parquet")
    rows = kept.filter(pl.col("cutoff") == pl.datetime(2024, 4, 1))
    then = then.join(rows.select("customer"), on="customer", how="semi", maintain_order="left")
    assert len(then) > 100
    for column in then.columns:
        assert rows[column].cast(then.schema[column], strict=False).equals(then[column]), column


def test_a_change_of_any_event_table_is_prepared_again_and_named(shop: Path):
    first = Project.open(str(shop)).prepare()
    (shop / "elsewhere").mkdir()
    (shop / "tickets.csv").rename(shop / "elsewhere" / "tickets.csv")
    (shop / "tenure.yaml").write_text(CONFIG.replace("tickets.csv", "elsewhere/tickets.csv"))
    moved = Project.open(str(shop)).prepare()
    assert moved.id == first.id
    assert str(moved.note).startswith("unchanged")
    with (shop / "elsewhere" / "tickets.csv").open("a") as file:
        file.write("00007,2024-02-12\n")
    changed = Project.open(str(shop)).prepare()
    assert "data.tables.tickets" in str(changed.note)
    assert changed.id != first.id


def test_a_forgotten_customer_does_not_come_back_from_the_events(shop: Path, monkeypatch, capsys):
    monkeypatch.chdir(shop)
    before = Project.open(str(shop)).prepare().rows.collect()
    assert "00007" in before["customer"]
    receipt = told(capsys, "forget", "00007")
    assert "visits.txt" in str(receipt)
    after = Project.open(str(shop)).prepare().rows.collect()
    assert "00007" not in after["customer"]


def test_bad_cells_are_named_row_by_row_in_a_file(shop: Path, monkeypatch, capsys):
    monkeypatch.chdir(shop)
    lines = (shop / "visits.txt").read_text().splitlines()
    lines[5] = " 00000 20240231 20240301 5.00"
    (shop / "visits.txt").write_text("\n".join(lines) + "\n")
    warnings = told(capsys, "prepare")["warnings"]
    assert any("1 of" in warning and "were left out: row 4, column 'day'" in warning for warning in warnings)
    named = pl.read_csv(shop / ".tenure/events.problems.csv", infer_schema=False)
    assert named.rows() == [("visits", "4", "day", "must be a date or time", "'20240231'")]
    told(capsys, "panel", "now.csv", "--at", "2024-05-01")
    assert pl.read_csv(shop / "now.csv.problems.csv", infer_schema=False).equals(named)


def test_a_table_of_rows_with_their_own_time(shop: Path, monkeypatch, capsys):
    monkeypatch.chdir(shop)
    chance = random.Random(1)
    orders = [
        f"{n % 300:05d},2024-0{3 + n // 300}-{1 + chance.randrange(28):02d},{n % 3 == 0}" for n in range(600)
    ]
    (shop / "orders.csv").write_text("customer,placed,churned\n" + "\n".join(orders) + "\n")
    text = CONFIG.replace("  cutoffs: [2024-04-01, 2024-05-01]", "  source: orders.csv\n  time: placed")
    (shop / "tenure.yaml").write_text(text.replace("  label: {table: visits, when: none, within: 30d}\n", ""))
    told(capsys, "prepare")
    prepared = load_prepared(Project.open(str(shop)).folder)
    assert (prepared.recipe.time, prepared.recipe.group) == ("placed", "customer")
    (shop / "new.csv").write_text("customer,placed\n00003,2024-05-01\n99999,2024-05-02\n")
    assert told(capsys, "panel", "new.parquet", "--source", "new.csv")["rows"] == 2
    new = pl.read_parquet(shop / "new.parquet")
    assert new["visits_count_all"].to_list()[1] == 0
    assert new["visits_count_all"].to_list()[0] > 0
    assert "churned" not in new.columns


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["panel", "now.csv"], "pass --at T"),
        (["panel", "now.csv", "--at", "tomorrow"], "--at: a date such as"),
        (["panel", "now.txt", "--at", "2024-05-01"], ".csv or .parquet is expected"),
        (["panel", "no/now.csv", "--at", "2024-05-01"], "folder is not there"),
        (["panel", "now.csv", "--at", "2023-05-01"], "no row is left"),
    ],
)
def test_a_wrong_panel_is_refused_and_nothing_is_written(shop: Path, arguments, hint, monkeypatch, capsys):
    monkeypatch.chdir(shop)
    before = sorted(shop.iterdir())
    assert main(arguments) == 2
    assert hint in capsys.readouterr().err
    assert sorted(shop.iterdir()) == before


def test_a_panel_is_asked_for_what_the_champion_was_trained_on(shop: Path, monkeypatch, capsys):
    monkeypatch.chdir(shop)
    told(capsys, "prepare")
    schema = shop / "schema.json"
    document = json.loads(schema.read_text())
    document["columns"]["visits_amount_sum_all"] |= {
        "maximum": 5000,
        "severity": {"range": {"predict": "error"}},
    }
    schema.write_text(json.dumps(document))
    told(capsys, "run")
    panel = told(capsys, "panel", "then.parquet", "--at", "2024-05-01")
    scored = told(capsys, "predict", "then.parquet", "scores.csv")
    assert [str(b["column"]) for b in scored["schema"]] == [
        w.split("'")[1] for w in panel["warnings"] if "column '" in w
    ]
    with (shop / "visits.txt").open("a") as file:
        file.write(f" 00007 {day(70)}  {day(70)} 1000000\n")
    # without a champion the panel is written, and predict refuses it; with one it is not written
    pointer = shop / ".tenure" / "champion.json"
    pointer.rename(shop / "aside.json")
    assert told(capsys, "panel", "bad.parquet", "--at", "2024-05-01")["rows"] == 300
    (shop / "aside.json").rename(pointer)
    for command in (["predict", "bad.parquet", "no.csv"], ["panel", "no.csv", "--at", "2024-05-01"]):
        assert main(command) == 2
        assert "'visits_amount_sum_all': must be at least" in capsys.readouterr().err
        assert not (shop / "no.csv").exists()


def test_a_project_without_event_tables_has_no_panel(shop: Path):
    (shop / "tenure.yaml").write_text("name: shop\ndata: {source: tickets.csv, target: opened}\n")
    with pytest.raises(ConfigError, match="no event table"):
        Project.open(str(shop)).panel(str(shop / "now.csv"), at="2024-05-01")


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("  exclude: [visits_count_31d]", "did you mean 'visits_count_30d'"),
        ("  group: shop", "needed columns are not in the table: 'shop'"),
    ],
)
def test_a_column_that_is_not_made_is_named(shop: Path, key: str, hint: str, monkeypatch, capsys):
    monkeypatch.chdir(shop)
    (shop / "tenure.yaml").write_text(CONFIG.replace("  target: churned", f"  target: churned\n{key}"))
    assert main(["prepare"]) == 2
    assert hint in capsys.readouterr().err


def test_no_panel_is_made_when_nothing_has_changed(shop: Path):
    with (shop / "tickets.csv").open("a") as file:
        file.write("00007,some day\n")
    first = Project.open(str(shop)).prepare()
    named = shop / ".tenure" / "events.problems.csv"  # written whenever the panel is made
    assert "some day" in named.read_text()
    named.unlink()
    assert Project.open(str(shop)).prepare().id == first.id
    assert not named.exists()
    assert Project.open(str(shop)).prepare(again=True).id == first.id
    assert named.exists()
    (shop / "tenure.yaml").write_text(CONFIG.replace("within: 30d", "within: 20d"))
    assert "data.label" in str(Project.open(str(shop)).prepare().note)


def test_a_ragged_line_of_words_is_named(shop: Path, monkeypatch, capsys):
    monkeypatch.chdir(shop)
    with (shop / "visits.txt").open("a") as file:
        file.write("00007 20240101\n")
    n_lines = len((shop / "visits.txt").read_text().splitlines())
    assert main(["prepare"]) == 2
    err = capsys.readouterr().err
    assert "every row must have 4 fields, as the header has; this one has 2" in err
    assert f"line {n_lines}" in err
    assert list_versions(Project.open(str(shop)).folder) == []
