"""One table is one version, in whatever form of file it comes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from tenure.project import Project

from .letters import CONFIG, letters

WAYS: dict[str, Callable[[pl.DataFrame, Path], object]] = {
    "letters.csv": lambda table, path: table.write_csv(path),
    "letters.tsv": lambda table, path: table.write_csv(path, separator="\t", quote_style="always"),
    "letters.parquet": lambda table, path: table.write_parquet(path, row_group_size=70),
    "narrow.parquet": lambda table, path: table.with_columns(
        pl.col("months").cast(pl.Int8), pl.col("plan").cast(pl.Categorical)
    ).write_parquet(path, compression="snappy"),
    "letters.ndjson": lambda table, path: table.write_ndjson(path),
    "letters.json": lambda table, path: table.write_json(path),
}


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str | None]]:
    """Name of the file -> version and content hash."""
    found = {}
    table = letters()
    for name, write in WAYS.items():
        folder = tmp_path_factory.mktemp("way")
        write(table, folder / name)
        (folder / "project").mkdir()
        (folder / "project" / "tenure.yaml").write_text(CONFIG.replace("letters.csv", name))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("tenure.project.dvc.is_installed", lambda: False)
            prepared = Project.open(str(folder / "project")).prepare()
        found[name] = (prepared.id, prepared.content)
    return found


@pytest.mark.parametrize("name", WAYS)
def test_the_form_of_the_file_does_not_count(name: str, versions: dict[str, tuple[str, str | None]]) -> None:
    assert versions[name] == versions["letters.csv"]


def test_another_table_is_another_version(
    tmp_path: Path, versions: dict[str, tuple[str, str | None]]
) -> None:
    letters().with_columns(pl.col("months").shift(1, fill_value=5)).write_csv(tmp_path / "letters.csv")
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "tenure.yaml").write_text(CONFIG)
    assert Project.open(str(tmp_path / "project")).prepare().content != versions["letters.csv"][1]
