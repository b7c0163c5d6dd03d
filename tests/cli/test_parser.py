"""The command line of the contract, and its errors."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tenure.cli import main
from tenure.cli.execute import COMMANDS
from tenure.cli.parser import build_parser


@pytest.mark.parametrize(
    "line",
    [
        "init here --data a.csv --target y --positive 1 --id k --time t",
        "run a.csv --target y --positive V --id C --time C --project DIR --budget 120s --seed 0 --json",
        "run",
        "prepare",
        "train",
        "evaluate",
        "predict in.csv out.csv --model challenger --explain 3",
        "serve --host 127.0.0.1 --port 8000 --workers 1",
        "outcomes labels.csv",
        "monitor --since 2026-01-01 --until 2026-02-01",
        "review --dry-run",
        "models",
        "promote 3",
        "rollback",
        "trace ID",
        "replay ID",
        "simulate telecom DIR --customers 100 --months 2 --scenario steady --seed 1",
        "demo",
        "schema",
        "run --data 3f2c --again",
        "data",
        "data compare 3f2c 81aa",
        "forget 7590-V --column customer",
    ],
)
def test_every_line_of_the_contract_is_understood(line):
    args = build_parser().parse_args(line.split())
    assert args.command in COMMANDS
    assert args.json is ("--json" in line)


def test_a_mistake_in_the_arguments_exits_with_2(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["predict"])
    assert caught.value.code == 2
    assert "SOURCE" in capsys.readouterr().err


def test_without_a_project_the_next_step_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["models"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "tenure init" in captured.err
    assert "Traceback" not in captured.err


def test_help_imports_no_library():
    code = "import sys\nfrom tenure.cli.parser import build_parser\nbuild_parser().format_help()\nprint(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"numpy", "polars", "pydantic", "yaml", "fastapi"} & set(loaded)
