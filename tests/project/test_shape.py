"""A project's schema.json: written once, asked of every table, carried by the release; and sealed test rows."""

from __future__ import annotations

import asyncio
import importlib.util
import json
from pathlib import Path

import httpx2 as httpx
import polars as pl
import pytest

from tenure.config import load_schema
from tenure.errors import ColumnsMissing, ConfigError, ProjectError, SourceError
from tenure.project import Project
from tenure.release.scorer import Scorer
from tenure.serve.settings import ServeSettings
from tests.builders import make_table
from tests.serve.project import serving

RAW = make_table(800, seed=5)
CONFIG = """name: customers
data: {source: table.csv, target: churn, positive: "Yes", id: customer}
model: {candidates: [logistic], trials: 1}
"""


def project(root: Path, table: pl.DataFrame = RAW) -> Project:
    root.mkdir(exist_ok=True)
    table.write_csv(root / "table.csv")
    (root / "tenure.yaml").write_text(CONFIG)
    return Project.open(str(root))


def edit(of: Project, old: str, new: str) -> None:
    path = of.folder.schema
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = project(tmp_path_factory.mktemp("shape") / "p")
    made.run()
    return made


def test_the_first_preparing_writes_it_and_later_ones_leave_it(tmp_path: Path) -> None:
    made = project(tmp_path / "p")
    assert made.prepare().warnings == ()
    schema = load_schema(made.folder.schema)
    assert schema is not None
    assert schema.columns["months"].bounds == (0, 72)
    edit(made, '"maximum": 72', '"maximum": 90')
    kept = made.folder.schema.read_bytes()
    assert made.prepare().warnings == ()
    assert made.folder.schema.read_bytes() == kept
    assert not made.folder.proposed_schema.exists()


def test_what_differs_is_named_and_proposed_beside_it(tmp_path: Path) -> None:
    made = project(tmp_path / "p")
    made.prepare()
    kept = made.folder.schema.read_bytes()
    later = RAW.with_columns(
        months=pl.col("months") * 2, extra=pl.int_range(pl.len()) % 7, customer=pl.lit("C1")
    ).drop("note")
    edit(made, '"note": {"kind": "text"', '"note": {"severity": {"presence": "warning"}, "kind": "text"')
    kept = made.folder.schema.read_bytes()
    warnings = "\n".join(project(made.folder.root, later).prepare().warnings)
    assert "column 'note' (a text) is not in the table" in warnings
    assert "column 'extra' is not in schema.json; it holds integer cells" in warnings
    assert "column 'months': must be at least 0 and at most 72" in warnings
    assert "column 'customer': must not hold a value twice; 799 cell(s)" in warnings
    assert "schema.proposed.json proposes" in warnings
    assert made.folder.schema.read_bytes() == kept
    proposed = load_schema(made.folder.proposed_schema)
    assert proposed is not None
    assert proposed.columns["months"].maximum == 144
    assert "note" not in proposed.columns
    assert "extra" in proposed.columns
    # What is proposed can be taken over, and then there is nothing left to say.
    made.folder.proposed_schema.replace(made.folder.schema)
    assert not any("schema" in w or "must" in w for w in made.prepare().warnings)
    assert not made.folder.proposed_schema.exists()


def test_errors_refuse_a_table_before_anything_is_kept(tmp_path: Path) -> None:
    made = project(tmp_path / "p")
    made.prepare()
    pointer = (made.folder.own / "prepared.json").read_text()
    edit(made, '"range": "warning"', '"range": "error"')
    with pytest.raises(SourceError, match=r"'months': must be at least 0.*1 cell\(s\) do not, such as 500"):
        project(
            made.folder.root,
            RAW.with_columns(months=pl.when(pl.int_range(pl.len()) == 9).then(500).otherwise("months")),
        ).prepare()
    renamed = RAW.rename({"charges": "Charges_EUR"})
    with pytest.raises(ColumnsMissing, match="seems to be called 'Charges_EUR' now: the names are alike"):
        project(made.folder.root, renamed).prepare()
    edit(made, '"type": {"prepare": "warning"', '"type": {"prepare": "error"')
    odd = RAW.with_columns(
        charges=pl.when(pl.int_range(pl.len()) == 9).then(pl.lit("cheap")).otherwise("charges")
    )
    with pytest.raises(SourceError, match=r"'charges': must be a number.*1 cell"):
        project(made.folder.root, odd).prepare()
    assert (made.folder.own / "prepared.json").read_text() == pointer
    assert len([p for p in made.folder.versions.iterdir() if p.is_dir()]) == 1


def test_a_schema_that_was_edited_is_asked_before_training(tmp_path: Path) -> None:
    made = project(tmp_path / "p")
    made.prepare()
    edit(made, '"maximum": 72', '"maximum": 90')
    with pytest.raises(ProjectError, match="edited after"):
        made.train()
    edit(made, '"kind": "integer"', '"kind": "integr"')
    with pytest.raises(ConfigError, match=r"got 'integr'"):
        made.prepare()


def test_tables_to_be_scored_are_asked(trained: Project, tmp_path: Path) -> None:
    odd = RAW.drop("churn").with_columns(
        months=pl.when(pl.int_range(pl.len()) == 9).then(500).otherwise("months"), extra=pl.lit(1)
    )
    odd.write_csv(tmp_path / "odd.csv")
    document = trained.predict(str(tmp_path / "odd.csv"), str(tmp_path / "out.csv"))
    assert ("months", "range", [9]) in [(b["column"], b["rule"], b["rows"]) for b in document["schema"]]
    assert [(c["change"], c["column"]) for c in document["shape"]] == [("new", "extra")]
    RAW.rename({"contract": "Contract_type"}).write_csv(tmp_path / "renamed.csv")
    with pytest.raises(ColumnsMissing, match="seems to be called 'Contract_type'"):
        trained.predict(str(tmp_path / "renamed.csv"), str(tmp_path / "out2.csv"))


def test_the_release_carries_the_schema_and_the_service_asks_for_it(trained: Project) -> None:
    release = next(trained.folder.releases.iterdir())
    body = json.loads((release / "schema.json").read_text())
    assert body["x-tenure"]["columns"] == json.loads(trained.folder.schema.read_text())["columns"]
    assert body["properties"]["months"]["type"] == ["number", "string", "null"]
    scorer = Scorer.load(release)
    row = RAW.drop("churn").row(0, named=True)
    assert scorer.score_row(row).warnings == ()
    settings = ServeSettings(
        pointer=trained.folder.champion, journal=trained.folder.journal, title="customers", poll_seconds=0.05
    )

    async def work(client: httpx.AsyncClient) -> tuple[list[dict[str, object]], str, dict[str, object]]:
        rows = [row, row | {"months": 500, "contract": "Weekly"}]
        answers = (await client.post("/predict", json=rows)).json()["predictions"]
        page = (await client.get("/metrics")).text
        return answers, page, (await client.get("/openapi.json")).json()

    async def main() -> tuple[list[dict[str, object]], str, dict[str, object]]:
        async with serving(settings) as (client, _):
            return await work(client)

    (good, odd), page, openapi = asyncio.run(main())
    assert "warnings" not in good
    assert odd["warnings"] == [
        {"column": "months", "rule": "must be at least 0 and at most 72", "value": "500.0"},
        {
            "column": "contract",
            "rule": "must be one of " + ", ".join(scorer.schema.columns["contract"].levels or []),
            "value": "'Weekly'",
        },
    ]
    assert 'tenure_row_warnings_total{column="months"} 1.0' in page
    assert "warnings" in openapi["components"]["schemas"]["Prediction"]["properties"]  # type: ignore[index]


def test_every_reading_of_the_test_rows_is_counted(trained: Project) -> None:
    first = json.loads(next(trained.folder.runs.glob("*/record.json")).read_text())
    assert first["test_reads"] == 1
    assert set(first["result"]["parts"]) == {"train", "validation", "test"}
    again = trained.run(again=True)
    assert any("were read 2 times" in warning for warning in again.warnings)
    record = json.loads((trained.folder.runs / again.run / "record.json").read_text())
    assert record["test_reads"] == 2


def test_test_rows_that_were_changed_are_not_evaluated(tmp_path: Path) -> None:
    made = project(tmp_path / "p")
    prepared = made.prepare()
    made.train()
    path = made.folder.versions / prepared.id / "rows.parquet"
    rows = pl.read_parquet(path)
    rows.with_columns(months=pl.when(pl.col("__part") == 2).then(1.0).otherwise("months")).write_parquet(path)
    with pytest.raises(ProjectError, match="not those that were prepared"):
        made.evaluate()


def test_exports_of_a_project(trained: Project, tmp_path: Path) -> None:
    assert trained.schema("tenure").text == trained.folder.schema.read_text().rstrip("\n")
    assert trained.schema("jsonschema").document["title"] == "Row"
    assert trained.schema("frictionless").document["fields"][0]["name"] == "customer"
    path = tmp_path / "asked.py"
    path.write_text(trained.schema("pandera").text)
    assert importlib.util.spec_from_file_location("asked", path) is not None
    compile(path.read_text(), str(path), "exec")


def test_a_table_of_one_row_that_lacks_a_column_is_refused_by_its_name(
    trained: Project, tmp_path: Path
) -> None:
    (tmp_path / "one.csv").write_text("a,b\n1,2\n")
    with pytest.raises(SourceError, match="months"):
        trained.predict(str(tmp_path / "one.csv"), str(tmp_path / "out.csv"))
