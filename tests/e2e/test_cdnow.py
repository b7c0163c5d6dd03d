"""cdnow: from the raw text of 69,659 purchases to a churn model and its scores, by config only."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest

from tests.e2e.command import run_json

pytestmark = pytest.mark.slow

GUIDE = Path(__file__).parents[2] / "docs" / "events.md"


def test_a_churn_model_from_transactions_alone(shared_data: Path, tmp_path: Path):
    shutil.copy(shared_data / "cdnow.txt", tmp_path)
    config = GUIDE.read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
    (tmp_path / "tenure.yaml").write_text(config)
    report = run_json("run", "--budget", "10s", cwd=tmp_path)
    assert report["test"]["roc_auc"]["low"] > 0.75
    # customers are dealt out once; a fifth of them, the test part, looks from the later cutoff only
    assert report["rows"]["test"] == 4714
    assert sum(report["rows"].values()) == 2 * 23_570 - 4714
    assert any("255 of 69659 event(s)" in warning for warning in report["warnings"])
    panel = run_json("panel", "now.parquet", "--at", "1998-03-31", cwd=tmp_path)
    assert panel["rows"] == 23_570
    run_json("predict", "now.parquet", "scores.csv", cwd=tmp_path)
    # what the model said on the last of March, against what came to be by the end of June
    events = pl.DataFrame(
        [line.split() for line in (tmp_path / "cdnow.txt").read_text().splitlines()[1:]],
        schema=["customer_id", "date", "cds", "amount"],
        orient="row",
    )
    came = events.filter((pl.col("date") > "19980331") & (pl.col("date") <= "19980629"))[
        "customer_id"
    ].unique()
    scores = pl.read_csv(tmp_path / "scores.csv", schema_overrides={"customer_id": pl.String})
    assert scores["customer_id"].str.len_bytes().unique().to_list() == [5]
    churned = ~scores["customer_id"].is_in(came.implode())
    ranks = scores["probability"].rank()
    n, m = int(churned.sum()), int((~churned).sum())
    auc = (ranks.filter(churned).sum() - n * (n + 1) / 2) / (n * m)
    assert auc > 0.75
