"""One table gives the same clean values wherever it comes from, whatever types its source has."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.servers import PASSWORD, http_api, mariadb, postgresql

from tenure.config import SourceConfig
from tenure.prepare.columns import clean
from tenure.prepare.learn import learn_recipe, learn_target
from tenure.prepare.sources import check_source, open_source, scan

sqlalchemy = pytest.importorskip("sqlalchemy")

N = 400


def table() -> pl.DataFrame:
    """Typed customers, some cells missing."""
    rng = np.random.default_rng(3)

    def gaps(values: list[Any]) -> list[Any]:
        return [None if rng.random() < 0.05 else value for value in values]

    day, noon = datetime.date(2023, 1, 1), datetime.datetime(2024, 5, 1, 12)
    return pl.DataFrame(
        {
            "customer": [f"C{i:04d}" for i in range(N)],
            "months": gaps(rng.integers(0, 72, N).tolist()),
            "charge": gaps([Decimal(int(cents)).scaleb(-2) for cents in rng.integers(1800, 12000, N)]),
            "share": gaps(rng.normal(size=N).tolist()),
            "plan": gaps([["Basic", "Plus", "Zürich, 'X' \"é\""][i] for i in rng.integers(0, 3, N)]),
            "autopay": gaps((rng.random(N) < 0.4).tolist()),
            "joined": gaps([day + datetime.timedelta(days=int(d)) for d in rng.integers(0, 500, N)]),
            "seen": gaps([noon + datetime.timedelta(minutes=int(m)) for m in rng.integers(0, 9000, N)]),
            "left": ["Yes" if r < 0.3 else "No" for r in rng.random(N)],
        },
        schema_overrides={"charge": pl.Decimal(10, 2)},
    )  # fmt: skip


def as_text(value: Any) -> Any:
    """As JSON, and most CSV files, write it."""
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value


def clean_values(config: SourceConfig, folder: Path) -> pl.DataFrame:
    source = open_source(config, folder, folder / "collected")
    facts = check_source(source)
    assert facts.n_rows == N
    assert facts.warnings == ()
    raw = scan(source, has_blank_lines=facts.has_blank_lines).collect().sort("customer")
    target = learn_target(raw["left"], "Yes", None)
    recipe = learn_recipe(raw, target, id="customer")
    assert len(recipe.features) == 7
    return clean(recipe, raw.lazy()).collect()


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    folder = tmp_path_factory.mktemp("parquet")
    table().write_parquet(folder / "t.parquet")
    return clean_values(SourceConfig(source="t.parquet"), folder)


def assert_same(found: pl.DataFrame, expected: pl.DataFrame) -> None:
    for name in expected.columns:
        assert found[name].cast(expected[name].dtype).equals(expected[name], null_equal=True), name


def test_what_is_expected_holds_every_kind(expected: pl.DataFrame) -> None:
    assert expected.height == N
    assert {str(dtype) for dtype in expected.dtypes} >= {"Float64", "Boolean", "String"}
    assert all(0 < count < N for count in expected.null_count().row(0))


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.zip", "utf16.csv", "t.txt", "t.ndjson", "t.json"])
def test_files(tmp_path: Path, expected: pl.DataFrame, name: str) -> None:
    import gzip
    import zipfile

    frame, path = table(), tmp_path / name
    typed = frame.with_columns(pl.col("charge").cast(pl.Float64), pl.col("joined", "seen").cast(pl.String))
    text = frame.write_csv().encode()
    settings: dict[str, Any] = {}
    if name == "t.csv.gz":
        path.write_bytes(gzip.compress(text))
    elif name == "t.zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("t.csv", text)
    elif name == "utf16.csv":
        path.write_bytes(text.decode().encode("utf-16"))
    elif name == "t.txt":
        quoted = frame.with_columns(pl.all().cast(pl.String).fill_null("NA")).write_csv(
            separator=" ", quote_style="always"
        )
        path.write_text(quoted.replace('" "', '"  \t "'))
        settings["delimiter"] = "whitespace"
    elif name == "t.ndjson":
        typed.write_ndjson(path)
    elif name == "t.json":
        typed.write_json(path)
    else:
        path.write_bytes(text)
    assert_same(clean_values(SourceConfig(source=name, **settings), tmp_path), expected)


def test_an_api(tmp_path: Path, expected: pl.DataFrame) -> None:
    rows = [{name: as_text(value) for name, value in row.items()} for row in table().to_dicts()]
    with http_api() as api:
        api.answer = lambda path, query, headers: (200, {}, rows[int(query["offset"]) :][:90])
        config = SourceConfig(source=api.address + "/customers", api={"pages": "offset"})
        assert_same(clean_values(config, tmp_path), expected)


def _sqlite(stack: ExitStack, folder: Path) -> str:
    return f"sqlite:///{folder / 'shop.db'}"


SERVERS: list[Any] = [
    pytest.param(_sqlite, id="sqlite"),
    pytest.param(
        lambda stack, folder: stack.enter_context(postgresql()), marks=pytest.mark.slow, id="postgresql"
    ),
    pytest.param(lambda stack, folder: stack.enter_context(mariadb()), marks=pytest.mark.slow, id="mariadb"),
]


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[ExitStack]:
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    monkeypatch.setenv("MYSQL_PWD", PASSWORD)
    with ExitStack() as found:
        yield found


@pytest.mark.parametrize("start", SERVERS)
def test_databases(
    tmp_path: Path, expected: pl.DataFrame, stack: ExitStack, start: Callable[[ExitStack, Path], str]
) -> None:
    address = start(stack, tmp_path)
    url = sqlalchemy.make_url(address)
    drivers = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql"}
    url = url.set(
        drivername=drivers.get(url.drivername, url.drivername), password=PASSWORD if url.password else None
    )
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    types = sqlalchemy.types
    kinds = [
        types.String(10), types.Integer, types.Numeric(10, 2), types.Double, types.String(40), types.Boolean,
        types.Date, types.DateTime, types.String(3),
    ]  # fmt: skip
    frame = table()
    columns = [sqlalchemy.Column(name, kind) for name, kind in zip(frame.columns, kinds, strict=True)]
    created = sqlalchemy.Table("customers", sqlalchemy.MetaData(), *columns)
    created.create(engine)
    with engine.begin() as connection:
        connection.execute(created.insert(), frame.to_dicts())
    for settings in ({"table": "customers"}, {"query": "SELECT * FROM customers"}):
        assert_same(clean_values(SourceConfig(source=address, **settings), tmp_path), expected)
