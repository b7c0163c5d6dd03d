"""The registry against a real MLflow store in SQLite; one is laid out and copied, for it takes seconds."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tenure.errors import RegistryError
from tenure.model import mlflow_store
from tenure.model.mlflow_store import connect, read_model, read_store, sqlite_path, without_secret
from tenure.model.registry import (
    Champion,
    ModelVersion,
    Registry,
    default_uri,
    needs_sync,
    read_champion,
    warm,
)
from tenure.records import Estimate
from tests.builders import write_stand_in

# MLflow's own tables use what SQLAlchemy 2.1 calls deprecated; users don't see such warnings
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
pytest.importorskip("sqlalchemy", reason="the registry needs mlflow-skinny with sqlalchemy")


@pytest.fixture(scope="session")
def store_with_three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project folder whose store holds three versions, none promoted."""
    root = tmp_path_factory.mktemp("template")
    warm(default_uri(root)).join()
    registry = Registry(None, "telco-churn", root)
    for number in (1, 2, 3):
        register(registry, f"abc{number}")
    return root


@pytest.fixture
def registry(store_with_three: Path, tmp_path: Path) -> Registry:
    root = tmp_path / "project"
    shutil.copytree(store_with_three, root)
    return Registry(None, "telco-churn", root)


def register(registry: Registry, release: str) -> str:
    write_stand_in(registry.root / "releases" / release)
    return registry.register(
        registry.root / "releases" / release,
        {"release": release, "data_version": "d1"},
        {"model": "forest", "odd name = %": "x" * 2000},
        {"roc_auc": Estimate(0.84, 0.82, 0.86), "f1": 0.6, "broken": float("nan")},
    )


def test_a_version_says_where_it_comes_from(registry: Registry) -> None:
    first = registry.versions()[0]
    assert first == ModelVersion(
        version="1",
        release="abc1",
        path="releases/abc1",
        aliases=(),
        created=first.created,
        metrics={"roc_auc": 0.84, "roc_auc_low": 0.82, "roc_auc_high": 0.86, "f1": 0.6},
        data_version="d1",
    )
    assert first.created.endswith("Z")
    assert [version.version for version in registry.versions()] == ["1", "2", "3"]


def test_registering_a_release_again_gives_the_version_it_has(registry: Registry) -> None:
    assert register(registry, "abc2") == "2"
    assert len(registry.versions()) == 3


def test_a_run_left_by_a_kill_is_used_again(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    client = connect(registry.uri)
    registry._client = client
    with monkeypatch.context() as patch:
        patch.setattr(client, "create_model_version", _killed)
        with pytest.raises(KeyboardInterrupt):
            register(registry, "abc4")
    assert register(registry, "abc4") == "4"
    experiment = client.get_experiment_by_name("telco-churn")
    runs = client.search_runs([experiment.experiment_id])
    assert sorted(run.info.run_name for run in runs) == ["abc1", "abc2", "abc3", "abc4"]
    assert runs[0].data.params["model"] == "forest"
    assert runs[0].data.metrics["roc_auc_low"] == 0.82


def test_promotions_and_rollbacks_follow_the_history(registry: Registry) -> None:
    assert (registry.champion(), registry.history(), read_champion(registry.root)) == (None, [], None)
    for number in ("1", "2", "3"):
        assert registry.promote(number).aliases == ("champion",)
    assert registry.history() == ["1", "2", "3"]
    assert registry.rollback().version == "2"
    assert read_champion(registry.root) == Champion("telco-churn", "2", "releases/abc2")
    assert registry.rollback().version == "1"
    with pytest.raises(RegistryError, match=r"version 1 is the first; there are versions 1 \(cham"):
        registry.rollback()
    registry.promote("3")
    registry.promote("3")  # changes nothing
    assert registry.history() == ["1", "3"]
    registry.promote("1")  # a second term of office
    assert registry.history() == ["1", "3", "1"]
    assert registry.rollback().version == "3"


def test_the_challenger_is_named_and_loses_the_name_when_promoted(registry: Registry) -> None:
    registry.promote("1")
    assert registry.challenge("2") == registry.challenger() == registry.resolve("challenger")
    assert registry.promote("challenger").version == "2"
    assert registry.challenger() is None
    registry.challenge("3")
    assert registry.challenge(None) is registry.challenger() is None


def test_unknown_versions_are_refused_with_what_there_is(registry: Registry) -> None:
    with pytest.raises(RegistryError, match="no '9'; there are versions 1, 2, 3"):
        registry.resolve("9")
    with pytest.raises(RegistryError, match="no 'champion'"):
        registry.resolve("champion")
    with pytest.raises(RegistryError, match="no version is registered"):
        Registry(registry.uri, "another", registry.root).resolve("1")


@pytest.mark.parametrize(
    ("killed_in", "champion", "history"),
    [
        ("_set_alias", "2", ["1", "2"]),  # the history was written, the alias not: no promotion
        ("_drop_alias", "3", ["1", "2", "3"]),  # the alias moved, the pointer not: promoted
        ("sync", "3", ["1", "2", "3"]),
    ],
)
def test_a_promotion_killed_midway_is_repaired(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, killed_in: str, champion: str, history: list[str]
) -> None:
    registry.promote("1")
    registry.promote("2")
    registry.challenge("3")
    monkeypatch.setattr(registry, killed_in, _killed)
    with pytest.raises(KeyboardInterrupt):
        registry.promote("3")
    assert needs_sync(registry.root)
    assert read_champion(registry.root) == Champion("telco-churn", "2", "releases/abc2")

    again = Registry(None, "telco-churn", registry.root)
    assert again.sync() == Champion("telco-churn", champion, f"releases/abc{champion}")
    assert read_champion(registry.root) == again.sync()
    assert again.history() == history
    assert not needs_sync(registry.root)


@pytest.mark.parametrize("killed_in", ["_write_history", "sync"])
def test_a_rollback_killed_midway_is_repaired(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, killed_in: str
) -> None:
    registry.promote("1")
    registry.promote("2")
    monkeypatch.setattr(registry, killed_in, _killed)
    with pytest.raises(KeyboardInterrupt):
        registry.rollback()
    again = Registry(None, "telco-churn", registry.root)
    assert again.sync() == Champion("telco-churn", "1", "releases/abc1")
    assert again.history() == ["1"]


def test_the_pointer_is_mended_when_it_is_lost_or_damaged(registry: Registry) -> None:
    registry.promote("2")
    pointer = registry.root / ".tenure" / "champion.json"
    assert json.loads(pointer.read_text()) == {
        "name": "telco-churn",
        "version": "2",
        "release": "releases/abc2",
    }
    pointer.write_text("{")
    with pytest.raises(RegistryError, match="not readable"):
        read_champion(registry.root)
    assert registry.sync() == read_champion(registry.root)
    pointer.unlink()
    registry.sync()
    assert pointer.exists()


def test_reading_the_file_and_asking_mlflow_agree(registry: Registry) -> None:
    registry.promote("1")
    registry.challenge("3")
    client = connect(registry.uri)
    client.delete_model_version("telco-churn", "2")
    path = sqlite_path(registry.uri)
    assert path is not None
    assert read_store(path, "telco-churn") == read_model(client, "telco-churn")
    assert read_store(path, "nobody") is read_model(client, "nobody") is None
    assert [version.version for version in registry.versions()] == ["1", "3"]


def test_a_store_of_another_layout_is_left_to_mlflow(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = registry.versions()
    monkeypatch.setattr("tenure.model.registry.read_store", _no_such_table)
    assert registry.versions() == before


def test_a_project_may_move(registry: Registry, tmp_path: Path) -> None:
    registry.promote("1")
    moved = tmp_path / "moved"
    registry.root.rename(moved)
    elsewhere = Registry(None, "telco-churn", moved)
    assert elsewhere.sync() == Champion("telco-churn", "1", "releases/abc1")
    assert register(elsewhere, "abc5") == "4"


def test_a_server_that_is_down_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    registry = Registry("http://ann:secret@127.0.0.1:9", "telco-churn", tmp_path)
    with pytest.raises(RegistryError, match="the model registry failed") as caught:
        registry.versions()
    assert "secret" not in str(caught.value)
    assert "store.registry" in str(caught.value)


def test_a_store_is_laid_out_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "link", _killed)
    with pytest.raises(KeyboardInterrupt):
        connect(default_uri(tmp_path))
    assert list((tmp_path / ".tenure").iterdir()) == []


def test_a_folder_that_cannot_be_made_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / ".tenure").write_text("a file stands in the way")
    with pytest.raises(RegistryError, match="can't be created"):
        connect(default_uri(tmp_path))


QUIET = """
import json, logging, socket, sys, threading
from pathlib import Path
def refuse(*args): raise SystemExit(f"a connection to {args[1:]}")
socket.socket.connect = refuse
socket.socket.connect_ex = refuse
from tenure.model.registry import Registry
assert "mlflow" not in sys.modules
registry = Registry(None, "quiet", Path("project"))
release = Path("project/releases/a")
release.mkdir(parents=True, exist_ok=True)
(release / "recipe.json").write_text('{"target": {"task": "regression"}}')
(release / "golden.json").write_text('{"rows": [{"row": {"x": 1}}]}')
(release / "card.md").write_text("# a model")
(release / "metrics.json").write_text("{}")
registry.register(release, {"release": "a"}, {"x": 1}, {"f1": 0.5})
registry.promote("1")
from mlflow.telemetry import get_telemetry_client
assert get_telemetry_client() is None
assert not [thread for thread in threading.enumerate() if "elemetry" in thread.name]
"""


def test_mlflow_is_quiet_and_sends_and_leaves_nothing(tmp_path: Path) -> None:
    plain = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path / "home"),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    (tmp_path / "home").mkdir()
    (tmp_path / "work").mkdir()
    ran = subprocess.run(
        [sys.executable, "-c", QUIET],
        cwd=tmp_path / "work",
        env=plain,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["project"]
    state = tmp_path / "work" / "project" / ".tenure"
    assert sorted(path.name for path in state.iterdir()) == ["artifacts", "champion.json", "registry.db"]
    assert list((tmp_path / "home").iterdir()) == []


def test_secrets_are_blotted_out() -> None:
    assert without_secret("no https://a:b@c/d and http://h:80/x") == "no https://a:***@c/d and http://h:80/x"


def test_warming_never_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlflow_store, "connect", _no_such_table)
    warm("sqlite:////nowhere").join()


def _killed(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def _no_such_table(*_: object) -> None:
    import sqlite3

    raise sqlite3.OperationalError("no such table")
