"""Every bad input gets one clear error, exit code 2, and leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tenure.cli import main

HEADER = "id,age,plan,churn\n"
ROWS = [f"{i},{20 + i % 50},{'ab'[i % 2]},{'yes' if i % 3 == 0 else 'no'}\n" for i in range(60)]


def text_of(rows: list[str], header: str = HEADER) -> bytes:
    return (header + "".join(rows)).encode()


def replaced(number: int, row: str) -> list[str]:
    return [*ROWS[:number], row, *ROWS[number + 1 :]]


def target(values: Callable[[int], str]) -> list[str]:
    return [f"{i},{20 + i % 50},{'ab'[i % 2]},{values(i)}\n" for i in range(60)]


CASES: dict[str, tuple[bytes, str]] = {
    "empty file": (b"", "empty"),
    "header only": (HEADER.encode(), "row"),
    "one row": (text_of(ROWS[:1]), "row"),
    "wrong delimiter": (
        text_of([r.replace(",", ";") for r in ROWS], HEADER.replace(",", ";")),
        "--delimiter",
    ),
    "unclosed quote": (text_of(replaced(7, '7,27,"b,no\n')), "quot"),
    "a row too long": (text_of(replaced(7, "7,27,b,no,extra\n")), "line 9"),
    "a row too short": (text_of(replaced(7, "7,27\n")), "line 9"),
    "not UTF-8": (text_of(ROWS[:7]) + b"7,27,caf\xe9,no\n" + text_of(ROWS[8:], ""), "line 9"),
    "target missing": (text_of(ROWS, HEADER.replace("churn", "chrun")), "did you mean 'chrun'"),
    "target constant": (text_of(target(lambda i: "no")), "churn"),
    "target all null": (text_of(target(lambda i: "")), "churn"),
    "one lone case of a class": (text_of(target(lambda i: "yes" if i == 5 else "no")), "yes"),
    "duplicate column names": (text_of(ROWS, "id,age,age,churn\n"), "age"),
    "a target with a value a row": (text_of(target(lambda i: f"name-{i}")), "churn"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_bad_table_is_refused_before_anything_is_written(name: str, tmp_path: Path, monkeypatch, capsys):
    content, hint = CASES[name]
    monkeypatch.chdir(tmp_path)
    Path("customers.csv").write_bytes(content)
    assert main(["run", "customers.csv", "--target", "churn", "--budget", "5s"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert hint in captured.err
    assert "next:" in captured.err
    assert "Traceback" not in captured.err
    assert os.listdir() == ["customers.csv"]


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["run", "nowhere.csv", "--target", "churn"], "nowhere.csv"),
        (["run", "good.csv"], "--target"),
        (["run", "good.csv", "--target", "churn", "--budget", "soon"], "--budget"),
        (["run", "good.csv", "--target", "churn", "--budget", "0s"], "--budget"),
        (["run", "good.csv", "--target", "churn", "--positive", "maybe"], "maybe"),
        (["run", "good.csv", "--target", "churn", "--id", "key"], "key"),
        (["run", "good.csv", "--target", "churn", "--project", "good.csv"], "good.csv"),
        (["init", "--data", "good.csv", "--target", "churn", "--project", "good.csv/x"], "good.csv"),
        (["run", "nested.json", "--target", "churn"], "tags"),
        (["run", "good.txt2", "--target", "churn"], "good.txt2"),
        (["predict", "good.csv", "out.csv"], "no project"),
        (["trace", "1"], "no project"),
    ],
)
def test_a_bad_command_is_refused(arguments: list[str], hint: str, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("good.csv").write_bytes(text_of(ROWS))
    Path("good.txt2").write_bytes(text_of(ROWS))
    Path("nested.json").write_text('[{"tags": [1], "churn": "a"}, {"tags": [2], "churn": "b"}]')
    before = sorted(os.listdir())
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert hint in captured.err
    assert "Traceback" not in captured.err
    assert sorted(os.listdir()) == before


def test_a_wrong_key_fails_before_any_work(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("tenure.yaml").write_text("name: a\ndata: {source: nowhere.csv, target: y}\nmodle: {}\n")
    assert main(["run"]) == 2
    assert "tenure.yaml, line 3" in capsys.readouterr().err
    assert os.listdir() == ["tenure.yaml"]


FULL = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from tenure.cli import main
sys.exit(main(sys.argv[2:]))
"""


def test_a_file_that_cannot_grow_leaves_what_was_there(tmp_path: Path):
    """A limit on the size of files stands in for a full disk: both fail in the middle of a write."""
    (tmp_path / "customers.csv").write_bytes(text_of(ROWS * 20))
    command = ["run", "customers.csv", "--target", "churn", "--budget", "5s", "--project", "p"]
    done = subprocess.run(
        [sys.executable, "-c", FULL, "2000", *command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "p" / "releases").iterdir())
