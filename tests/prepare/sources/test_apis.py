"""Rows of a real HTTP server that pages, throttles, fails, repeats itself and cuts the line."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.servers import Api, http_api

from tenure.config import SourceConfig
from tenure.errors import ConfigError, SourceError
from tenure.prepare.sources import Source, apis, check_source, open_source, scan, web

pytest.importorskip("requests")

TOKEN = "tok-9f2/+="
ROWS = [
    {"id": i, "plan": ["Basic", None][i % 2], "charge": i / 4, "address": {"city": "Zürich"}}
    for i in range(25)
]
Answer = tuple[int, dict[str, str], Any] | None


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKEN", TOKEN)
    monkeypatch.setattr(web, "_BACKOFF", 0.01)
    monkeypatch.setattr(apis, "wait_before", lambda attempt: None)


@pytest.fixture
def api() -> Iterator[Api]:
    with http_api() as found:
        yield found


def config(api: Api, path: str = "/rows", **settings: Any) -> SourceConfig:
    return SourceConfig(source=api.address + path, api={"token": "${API_TOKEN}", **settings})


def fetch(config: SourceConfig, folder: Path) -> Source:
    return open_source(config, folder, folder)


def ids(source: Source) -> list[int]:
    return scan(source).collect()["id"].to_list()


def by_link(path: str, query: dict[str, str], headers: dict[str, str]) -> Answer:
    start = int(query.get("from", 0))
    links = {"Link": f'<{path}?from={start + 10}>; rel="next"'} if start < 20 else {}
    return 200, links, ROWS[start : start + 10]


def by_next_address(path: str, query: dict[str, str], headers: dict[str, str]) -> Answer:
    start = int(query.get("from", 0))
    return (
        200,
        {},
        {"results": ROWS[start : start + 10], "next": f"?from={start + 10}" if start < 20 else None},
    )


def by_cursor(path: str, query: dict[str, str], headers: dict[str, str]) -> Answer:
    start = int(query.get("after", "c0")[1:])
    more = {"next": f"c{start + 10}"} if start < 20 else {}
    return 200, {}, {"data": {"items": ROWS[start : start + 10]}, "meta": more}


def by_offset(path: str, query: dict[str, str], headers: dict[str, str]) -> Answer:
    start = int(query.get("offset", 0))
    return 200, {}, ROWS[start : start + min(int(query["limit"]), 7)]  # gives fewer than it is asked for


def by_page(path: str, query: dict[str, str], headers: dict[str, str]) -> Answer:
    start = (int(query["p"]) - 1) * 10
    return 200, {}, ROWS[start : start + 10]


@pytest.mark.parametrize(
    ("answer", "settings"),
    [
        (by_link, {"pages": "link"}),
        (by_next_address, {"pages": "link", "cursor": "next", "records": "results"}),
        (
            by_cursor,
            {"pages": "cursor", "cursor": "meta.next", "parameter": "after", "records": "data.items"},
        ),
        (by_offset, {"pages": "offset", "size": "limit"}),
        (by_page, {"pages": "page", "parameter": "p"}),
        (lambda *_: (200, {}, ROWS), {}),
    ],
    ids=["Link header", "next address", "cursor", "offset", "page", "one page"],
)
def test_every_way_of_paging(api: Api, tmp_path: Path, answer: Any, settings: dict[str, Any]) -> None:
    api.answer = answer
    source = fetch(config(api, **settings), tmp_path)
    rows = scan(source).collect()
    assert check_source(source).n_rows == 25
    assert rows.columns == ["id", "plan", "charge", "address.city"]
    assert rows["id"].to_list() == list(range(25))
    assert rows.row(2) == (2, "Basic", 0.5, "Zürich")
    assert {headers["Authorization"] for _, _, headers in api.asked} == {f"Bearer {TOKEN}"}


def test_a_busy_server_is_given_time(api: Api, tmp_path: Path) -> None:
    troubles = iter([(429, {"Retry-After": "0"}, {}), (503, {}, {}), None, (200, {}, b'[{"id": 1}, {"i')])

    def answer(path: str, query: dict[str, str], headers: dict[str, str]) -> Answer:
        if query.get("from") == "10":
            trouble = next(troubles, "over")
            if trouble != "over":
                return trouble  # type: ignore[return-value]
        return by_link(path, query, headers)

    api.answer = answer
    assert ids(fetch(config(api, pages="link"), tmp_path)) == list(range(25))
    assert len(api.asked) == 3 + 4


def test_retry_after_is_heeded(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import urllib3.util.retry

    slept: list[float] = []
    monkeypatch.setattr(urllib3.util.retry.time, "sleep", slept.append)
    troubles = iter([(429, {"Retry-After": "7"}, {})])
    api.answer = lambda *asked: next(troubles, None) or (200, {}, ROWS)
    fetch(config(api), tmp_path)
    assert slept == [7]


def test_a_server_that_stays_down_is_an_error_and_the_next_run_goes_on(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apis, "PART_ROWS", 10)
    settings = {"pages": "cursor", "cursor": "meta.next", "parameter": "after", "records": "data.items"}
    api.answer = lambda path, query, headers: (
        (502, {}, b"bad gateway") if query.get("after") == "c20" else by_cursor(path, query, headers)
    )
    with pytest.raises(SourceError, match=r"502 Bad Gateway.*7 times in a row"):
        fetch(config(api, **settings), tmp_path)
    api.asked.clear()
    api.answer = by_cursor
    source = fetch(config(api, **settings), tmp_path)
    assert [query for _, query, _ in api.asked] == [{"after": "c20"}]
    assert ids(source) == list(range(25))
    assert "in two goes" in source.warnings[0]
    assert fetch(config(api, **settings), tmp_path).warnings == ()  # a finished one is collected anew
    assert len(api.asked) == 4


def ends_in_a_circle(path: str, query: dict[str, str], headers: dict[str, str]) -> Answer:
    cursor = query.get("cursor", "a")
    return 200, {}, {"d": [{"id": cursor}], "n": {"a": "b", "b": "c", "c": "b"}[cursor]}


def test_a_killed_collection_goes_on_behind_its_last_whole_part(api: Api, tmp_path: Path) -> None:
    reached = threading.Event()

    def answer(path: str, query: dict[str, str], headers: dict[str, str]) -> Answer:
        if query["offset"] == "20" and not reached.is_set():
            reached.set()
            time.sleep(0.5)
        start = int(query["offset"])
        return 200, {}, ROWS[start : start + 5]

    api.answer = answer
    script = (
        "import sys; from pathlib import Path; from tenure.config import SourceConfig\n"
        "from tenure.prepare.sources import apis, open_source\n"
        "apis.PART_ROWS = 10\n"
        "open_source(SourceConfig(source=sys.argv[1], api={'pages': 'offset'}), Path('.'), Path(sys.argv[2]))\n"
    )
    address = api.address + "/rows"
    process = subprocess.Popen([sys.executable, "-c", script, address, str(tmp_path)])
    assert reached.wait(30)
    process.kill()
    process.wait()
    api.asked.clear()
    source = fetch(SourceConfig(source=address, api={"pages": "offset"}), tmp_path)
    assert api.asked[0][1] == {"offset": "20"}
    assert ids(source) == list(range(25))


@pytest.mark.parametrize(
    ("answer", "settings", "message"),
    [
        (lambda *_: (200, {}, ROWS), {"pages": "offset"}, "same 25 rows: the server does not heed 'offset'"),
        (ends_in_a_circle, {"pages": "cursor", "cursor": "n", "records": "d"}, "leads back"),
        (lambda *_: (200, {}, []), {}, "delivers no rows"),
        (lambda *_: (200, {}, {"data": {"items": ROWS}}), {}, r"lists in it are: data\.items"),
        (lambda *_: (200, {}, {"data": 1}), {"records": "data.rows"}, "'data.rows' is no list"),
        (lambda *_: (200, {}, [1, 2]), {}, "must be an object"),
        (lambda *_: (200, {}, b"<html>"), {}, "is no JSON"),
        (lambda *_: None, {}, "breaks off"),
        (lambda *_: (401, {}, {"error": "bad token"}), {}, r"401 Unauthorized: .*bad token(.|\n)*data\.api\.token"),
        (lambda *_: (404, {}, {}), {}, "404 Not Found"),
        (lambda *_: (302, {"Location": "http://127.0.0.2:1/x"}, {}), {}, "sends on to another address"),
        (lambda *_: (200, {"Link": '<http://127.0.0.2:1/x>; rel="next"'}, ROWS), {"pages": "link"}, "another address"),
    ],
)  # fmt: skip
def test_faults(api: Api, tmp_path: Path, answer: Any, settings: dict[str, Any], message: str) -> None:
    api.answer = answer
    with pytest.raises(SourceError, match=message) as error:
        fetch(config(api, **settings), tmp_path)
    assert TOKEN not in "".join(traceback.format_exception(error.value))


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    source = SourceConfig(source="http://127.0.0.1:9/rows?key=${API_TOKEN}", api={})
    with pytest.raises(SourceError, match="cannot be reached") as error:
        fetch(source, tmp_path)
    shown = "".join(traceback.format_exception(error.value))
    assert TOKEN not in shown
    assert "tok-9f2%2F" not in shown


def test_a_redirect_on_the_same_host_is_followed(api: Api, tmp_path: Path) -> None:
    api.answer = lambda path, *_: (301, {"Location": "/new"}, {}) if path == "/rows" else (200, {}, ROWS)
    assert ids(fetch(config(api), tmp_path)) == list(range(25))


def test_rows_that_come_again_on_the_next_page_are_counted(api: Api, tmp_path: Path) -> None:
    def answer(path: str, query: dict[str, str], headers: dict[str, str]) -> Answer:
        start = int(query["offset"]) - (2 if query["offset"] != "0" else 0)  # two rows were put in before
        return 200, {}, ROWS[start : start + 10] if start < 20 else []

    api.answer = answer
    source = fetch(config(api, pages="offset"), tmp_path)
    assert source.warnings == (f"2 row(s) of {api.address}/rows came twice, on two pages in a row",)


def test_a_schema_that_changes_on_the_way_is_told(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apis, "PART_ROWS", 1)
    pages = [[{"id": 1, "a": 1}], [{"id": 2, "a": 2.5}], [{"id": "x3", "b": [1, 2]}]]
    api.answer = lambda path, query, headers: (200, {}, [*pages, []][int(query["page"])])
    source = fetch(config(api, pages="page", first=0), tmp_path)
    rows = scan(source).collect()
    assert rows.rows() == [("1", 1.0, None), ("2", 2.5, None), ("x3", None, "[1, 2]")]
    assert set(source.warnings) == {
        "column 'id' changes its type (Int64, String) and is read as text",
        "column 'a' is not in 1 of 3 rows, and missing there",
        "column 'b' is not in 2 of 3 rows, and missing there",
    }


def test_a_look_asks_for_no_more_than_it_needs(api: Api, tmp_path: Path) -> None:
    api.answer = by_link
    source = open_source(config(api, pages="link"), tmp_path, tmp_path, look=5)
    assert (ids(source), len(api.asked)) == (list(range(10)), 1)


def test_a_file_of_a_web_server(api: Api, tmp_path: Path, told: pytest.LogCaptureFixture) -> None:
    api.answer = lambda *_: (200, {"ETag": '"1"', "Content-Type": "text/csv"}, b"id;a\n1;2\n3;4\n")
    source = SourceConfig(source=api.address + "/t.csv?v=1", delimiter=";")
    table = fetch(source, tmp_path)
    assert scan(table).collect().rows() == [("1", "2"), ("3", "4")]
    assert fetch(source, tmp_path) == table
    assert "is unchanged" in told.text
    troubles = iter([None])
    api.answer = lambda *_: next(troubles, (200, {"ETag": '"2"'}, b"id;a\n5;6\n7;8\n"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tenure.prepare.sources.fetched.wait_before", lambda attempt: None)
        assert scan(fetch(source, tmp_path)).collect().rows() == [("5", "6"), ("7", "8")]
    assert len(list(tmp_path.rglob("*.csv"))) == 1


def test_no_file_on_disk_holds_the_token(api: Api, tmp_path: Path) -> None:
    api.answer = lambda *_: (200, {}, ROWS)
    fetch(config(api, headers={"X-Api-Key": "${API_TOKEN}"}), tmp_path)
    assert api.asked[0][2]["X-Api-Key"] == TOKEN
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert not any(TOKEN.encode() in path.read_bytes() for path in files)


@pytest.mark.parametrize(
    ("source", "api", "message"),
    [
        ("https://h/rows", {"token": "abc"}, "reference"),
        ("https://h/rows", {"headers": {"X-Api-Key": "abc"}}, "X-Api-Key"),
        ("https://h/rows?api_key=abc", {}, "api_key"),
        ("https://u:abc@h/rows", {}, "password"),
        ("s3://b/k.csv", {}, "api"),
        ("https://h/rows", {"pages": "cursor"}, "path to the next cursor"),
    ],
)
def test_secrets_are_references(source: str, api: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        SourceConfig(source=source, api=api)
    assert "abc" not in str(error.value)


def test_an_unset_token_is_named(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("API_TOKEN")
    with pytest.raises(ConfigError, match="API_TOKEN"):
        fetch(config(api), tmp_path)
