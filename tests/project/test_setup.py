"""A new project's tenure.yaml."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from tenure.project.folder import Folder
from tenure.project.setup import Request, create_project, project_name


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("telco.csv", "telco"),
        ("a/Telco churn.csv.gz", "telco-churn"),
        ("x.parquet", "x"),
        ("é.csv", "project"),
        ("2024.tsv", "2024"),
    ],
)
def test_a_project_is_named_after_its_source(source: str, name: str):
    assert project_name(source) == name


def test_the_file_is_read_back_whatever_the_table_holds(tmp_path: Path):
    names = ["a\nb", "# not a comment", "x: {", "é\u2028ü", "plain"]
    table = pl.DataFrame({name: [f"{i % 3}\n: [{name}" for i in range(40)] for name in names})
    table.with_columns(target=pl.Series(["yes: no", "#no"] * 20)).write_csv(tmp_path / "odd.csv")
    folder = Folder(tmp_path / "project")
    create_project(folder, Request(str(tmp_path / "odd.csv"), "target", "yes: no"))
    config = folder.config()
    assert (config.data.target, config.data.positive) == ("target", "yes: no")
    assert (folder.root / config.data.source).resolve() == tmp_path / "odd.csv"


def test_proposed_spellings_stand_in_the_file_with_their_evidence(tmp_path: Path):
    plans = ["Month-to-month"] * 60 + ["month to month"] * 15 + ["One year"] * 60 + ["One yaer"] * 2
    regions = ["Suburban"] * 130 + ["Surburban"] * 3 + ["Rural"] * 4
    table = pl.DataFrame({"plan": plans, "re: gion": regions, "y": (["a", "b"] * 69)[: len(plans)]})
    table.write_csv(tmp_path / "t.csv")
    folder = Folder(tmp_path / "project")
    create_project(folder, Request(str(tmp_path / "t.csv"), "y"))
    assert folder.config().data.levels == {"plan": {"month to month": "Month-to-month"}}
    text = folder.config_file.read_text()
    assert '"month to month": "Month-to-month"    # 15 cell(s) beside 60, only punctuation differ' in text
    slips = text.replace('    # "re: gion":\n    #   "Surb', '    "re: gion":\n      "Surb')
    folder.config_file.write_text(slips)
    assert folder.config().data.levels["re: gion"] == {"Surburban": "Suburban"}
