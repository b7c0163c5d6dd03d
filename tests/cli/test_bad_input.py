"""Every bad input gets one clear error, exit code 2, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tenure.cli import main
from tenure.model.workbench import Workbench

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
    "all features constant": (
        text_of([f"{i},1,a,{'yes' if i % 3 else 'no'}\n" for i in range(60)]),
        "constant",
    ),
    "identifiers alone": (
        text_of([f"{i},k{i}z,c{i}q,{'yes' if i % 3 else 'no'}\n" for i in range(60)]),
        "identifier",
    ),
    "an infinite target": (
        text_of(target(lambda i: "inf" if i == 9 else f"{(i * 37) % 101 / 7:.3f}")),
        "'inf'",
    ),
    "a target that is too large": (
        text_of(target(lambda i: "1e39" if i == 9 else f"{(i * 37) % 101 / 7:.3f}")),
        "no number within ±1e38: '1e39'",
    ),
    "500 classes": (
        text_of([f"{i},{i % 50},{'ab'[i % 2]},k{i % 500}\n" for i in range(1500)]),
        "500 different labels, more than 100",
    ),
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


def test_ten_rows_that_nearly_equal_one_another_are_told_why_they_do_not_do(tmp_path: Path, capsys):
    rows = [f"{i * 1.5},{'pq'[i % 2]},{'yes' if i % 2 else 'no'}\n" for i in range(10)]
    source = tmp_path / "ten.csv"
    source.write_bytes(text_of(rows, "a,b,churn\n"))
    assert main(["run", str(source), "--target", "churn", "--project", str(tmp_path / "p")]) == 2
    told = capsys.readouterr().err
    assert "class 'no' of the target has no row in the training part: it has 5 of 10 rows" in told
    assert "collect more rows" in told


def run_json(tmp_path: Path, capsys, rows: list[str], header: str, *more: str) -> dict:
    """A run of a table that is odd and not wrong: it makes a model, and its answer is JSON."""
    source = tmp_path / "odd.csv"
    source.write_bytes(text_of(rows, header))
    arguments = ["run", str(source), "--target", "churn", "--project", str(tmp_path / "p"), "--budget", "1s"]
    assert main([*arguments, "--json", *more]) == 0
    return json.loads(capsys.readouterr().out)


def noisy(seed: int, n: int) -> list[tuple[float, float, str]]:
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=(2, n)).round(4).tolist()
    return [(a, b, "yes" if a + e > 0 else "no") for a, b, e in zip(x, z, rng.normal(size=n), strict=True)]


def test_one_feature_and_one_second_give_a_model(tmp_path: Path, capsys):
    found = run_json(tmp_path, capsys, [f"{a},{y}\n" for a, _, y in noisy(0, 300)], "a,churn\n")
    assert found["test"]["roc_auc"]["value"] > 0.7
    assert any("left no time" in warning or "too short" in warning for warning in found["warnings"])


def test_shuffled_labels_are_said_to_hold_no_signal(tmp_path: Path, capsys):
    rows = [f"{a},{b},{noisy(7, 300)[i][2]}\n" for i, (a, b, _) in enumerate(noisy(3, 300))]
    found = run_json(tmp_path, capsys, rows, "a,b,churn\n")
    assert any(warning.startswith("error M601: no signal") for warning in found["warnings"])


def test_a_class_with_two_cases_is_trained_and_measured(tmp_path: Path, capsys):
    rows = [f"{a},{b},{'rare' if i in (7, 90) else y}\n" for i, (a, b, y) in enumerate(noisy(1, 200))]
    found = run_json(tmp_path, capsys, rows, "a,b,churn\n")
    assert found["task"] == "multiclass"
    assert all(0.0 <= v <= 1.0 for v in found["test"]["accuracy"].values())


@pytest.mark.slow
def test_a_wide_table_is_done_within_a_small_budget(tmp_path: Path, capsys):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 600)).round(3)
    rows = [",".join(map(str, x)) + f",{'yes' if x[0] > 0 else 'no'}\n" for x in X]
    found = run_json(tmp_path, capsys, rows, ",".join(f"v{i}" for i in range(600)) + ",churn\n")
    assert any("generated features" in warning for warning in found["warnings"])
    assert 0.0 <= found["test"]["roc_auc"]["value"] <= 1.0


@pytest.mark.slow
def test_five_thousand_columns_give_a_model(tmp_path: Path, capsys):
    X = np.random.default_rng(0).normal(size=(120, 5000)).round(2)
    rows = [",".join(map(str, x)) + f",{'yes' if x[0] > 0 else 'no'}\n" for x in X]
    found = run_json(tmp_path, capsys, rows, ",".join(f"v{i}" for i in range(5000)) + ",churn\n")
    assert 0.0 <= found["test"]["roc_auc"]["low"] <= found["test"]["roc_auc"]["high"] <= 1.0
    assert found["warnings"]


def test_ten_rows_give_a_model_that_claims_nothing(tmp_path: Path, capsys):
    rows = [f"{a},{b},{'yes' if i % 2 else 'no'}\n" for i, (a, b, _) in enumerate(noisy(0, 10))]
    found = run_json(tmp_path, capsys, rows, "a,b,churn\n")
    assert any(warning.startswith("error M601: no signal") for warning in found["warnings"])
    assert found["test"]["accuracy"]["high"] - found["test"]["accuracy"]["low"] > 0.5


def test_a_target_that_is_not_a_number_in_a_row_leaves_the_row_out(tmp_path: Path, capsys):
    rng = np.random.default_rng(5)
    rows = [f"{a},{b},{a + rng.normal():.4f}\n" for a, b, _ in noisy(0, 200)]
    rows[7] = "0.1,0.2,nan\n"
    found = run_json(tmp_path, capsys, rows, "a,b,churn\n")
    assert found["task"] == "regression"
    assert "1 row(s) without a target are left out" in found["warnings"]


def run_project(root: Path, capsys, rows: list[str], header: str, data: str, more: str = "") -> dict:
    """A run of a project with a tenure.yaml and no clock; exit code 0."""
    root.mkdir()
    (root / "t.csv").write_bytes(text_of(rows, header))
    (root / "tenure.yaml").write_text(
        f"name: t\ndata: {{source: t.csv, target: churn{data}}}\n"
        f"model: {{candidates: [logistic, lightgbm], trials: 1}}\n{more}\n"
    )
    assert main(["run", "--project", str(root), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_perfect_predictor_whose_leak_is_waived_is_still_suspicious(tmp_path: Path, capsys):
    rows = [f"{a + (8 if y == 'yes' else -8)},{b},{y}\n" for a, b, y in noisy(0, 400)]
    waiver = 'leakage: {waive: {L101: {a: "known before"}}}'
    found = run_project(tmp_path / "p", capsys, rows, "a,b,churn\n", "", waiver)
    assert any(warning.startswith("M301: roc_auc of 1.0000 [0.9") for warning in found["warnings"])
    lead = found["gain"]["majority class"]
    assert lead["low"] < 0.45 < lead["value"] == 0.5


def test_rows_of_weight_zero_count_nowhere_whatever_they_hold(tmp_path: Path, capsys):
    rows = [f"{a},{b},{i % 3},{y}\n" for i, (a, b, y) in enumerate(noisy(0, 400))]
    spoilt = [row if i % 3 else "1e9,much,0,never\n" for i, row in enumerate(rows)]
    without = [row for i, row in enumerate(rows) if i % 3]
    found, plain = (
        run_project(tmp_path / name, capsys, some, "a,b,w,churn\n", ", weight: w")
        for name, some in (("spoilt", spoilt), ("without", without))
    )
    assert any("have the weight 0 and are left out" in warning for warning in found["warnings"])
    assert found["task"] == "binary"
    for part in ("validation", "test", "gain", "baselines"):
        assert found[part] == plain[part]
    for file in Path(found["release"]).iterdir():
        if file.name not in ("card.md", "manifest.json"):  # the card says how many rows were left out
            assert file.read_bytes() == (Path(plain["release"]) / file.name).read_bytes(), file.name


@pytest.mark.parametrize(
    ("weight", "says"),
    [("0", "every weight is 0"), ("-1", "row 8: '-1'"), ("nan", "row 8: 'nan'"), ("", "row 8: None")],
)
def test_weights_that_are_none_are_refused_by_name(weight: str, says: str, tmp_path: Path, capsys):
    cells = [weight if i == 7 or weight == "0" else "1" for i in range(60)]
    rows = [f"{a},{b},{w},{y}\n" for w, (a, b, y) in zip(cells, noisy(0, 60), strict=True)]
    (tmp_path / "t.csv").write_bytes(text_of(rows, "a,b,w,churn\n"))
    (tmp_path / "tenure.yaml").write_text("name: t\ndata: {source: t.csv, target: churn, weight: w}\n")
    assert main(["run", "--project", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert says in told
    assert "column 'w' (data.weight)" in told
    assert "Traceback" not in told
    assert not list((tmp_path / "releases").glob("*"))


def test_an_interrupted_run_says_so_and_leaves_a_project_to_go_on_with(tmp_path: Path, capsys, monkeypatch):
    source = tmp_path / "t.csv"
    source.write_bytes(text_of([f"{a},{b},{y}\n" for a, b, y in noisy(0, 200)], "a,b,churn\n"))

    def press(*args: object, **more: object) -> None:
        raise KeyboardInterrupt

    arguments = ["run", str(source), "--target", "churn", "--project", str(tmp_path / "p"), "--budget", "1s"]
    with monkeypatch.context() as patch:
        patch.setattr(Workbench, "run", press)
        assert main(arguments) not in (0, 2)
    assert "nterrupt" in capsys.readouterr().err
    # nothing of it goes on in this process, where the next command clears away what is half done
    assert "tenure-registry-warm" not in [thread.name for thread in threading.enumerate()]
    assert main(arguments) == 0


def test_a_lack_of_memory_is_named(tmp_path: Path, capsys, monkeypatch):
    source = tmp_path / "t.csv"
    source.write_bytes(text_of([f"{a},{b},{y}\n" for a, b, y in noisy(0, 200)], "a,b,churn\n"))

    def too_much(*args: object, **more: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Workbench, "run", too_much)
    assert (
        main(["run", str(source), "--target", "churn", "--project", str(tmp_path / "p"), "--budget", "1s"])
        != 0
    )
    assert "memory" in capsys.readouterr().err
