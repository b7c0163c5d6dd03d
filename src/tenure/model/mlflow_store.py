"""MLflow behind one door: lay out a SQLite store safely, read and write it, read that store without MLflow.

MLflow takes seconds to import and another to lay out a new store. So `warm` does both early, in a thread, and
`read_store` answers the everyday questions from the SQLite file itself, in milliseconds.
"""

from __future__ import annotations

import logging
import os
import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tenure.durable import TEMPORARY
from tenure.errors import RegistryError
from tenure.model.mlflow_import import load, one_at_a_time

if TYPE_CHECKING:
    from mlflow import MlflowClient

log = logging.getLogger(__name__)

ARTIFACTS = "artifacts"
_LIBRARIES = ("mlflow", "sqlalchemy", "requests", "urllib3", "sqlite3")
MAX_PARAM_LENGTH = 500  # characters; older MLflow servers take no more
BATCH = 100  # parameters in one request, MLflow's limit


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """A model version as MLflow holds it. created: milliseconds since the epoch."""

    version: int
    created: int
    tags: dict[str, str]


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A registered model as MLflow holds it. aliases: alias to version."""

    tags: dict[str, str]
    aliases: dict[str, str]
    versions: tuple[StoredVersion, ...]


def warm(uri: str) -> threading.Thread:
    """Import MLflow and lay out the store in a thread, ready for the first change of the registry.

    Never raises: what goes wrong is met again, and reported, by the first change.
    """

    def prepare() -> None:
        try:
            connect(uri)
        except Exception as error:  # reported by the first change
            log.debug("warming the registry failed: %s", error)

    thread = threading.Thread(target=prepare, name="tenure-registry-warm", daemon=True)
    thread.start()
    return thread


def connect(uri: str) -> MlflowClient:
    """Import MLflow, quiet and without telemetry, create a missing SQLite store, and return a client.

    Raises ExtraMissing without MLflow, RegistryError when the store can't be opened.
    """
    # MLflow imports more as it makes a store and a client, so that these are made one at a time, too
    with one_at_a_time:
        mlflow = load("mlflow")
        with registry_errors(uri):
            path = sqlite_path(uri)
            if path is not None and not path.exists():
                _create_store(path)
            client: MlflowClient = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
            return client


def read_model(client: MlflowClient, name: str) -> StoredModel | None:
    """Ask MLflow for a model and all its versions, the oldest first; None when it is not registered."""
    try:
        model = client.get_registered_model(name)
    except load("mlflow.exceptions").MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise
    versions, token = [], None
    while True:
        page = client.search_model_versions(f"name = '{name}'", max_results=1000, page_token=token)
        versions += [StoredVersion(int(v.version), int(v.creation_timestamp), dict(v.tags)) for v in page]
        token = page.token
        if not token:
            break
    aliases = {alias: str(version) for alias, version in model.aliases.items()}
    return StoredModel(dict(model.tags), aliases, tuple(sorted(versions, key=lambda v: v.version)))


def read_store(path: Path, name: str) -> StoredModel | None:
    """Read the same as read_model from MLflow's SQLite file, without MLflow.

    Raises sqlite3.Error when the tables are not as this version of MLflow lays them out; ask MLflow then.
    """
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=10.0)) as db:
        db.execute("BEGIN")  # one snapshot for the four questions
        if not db.execute("SELECT 1 FROM registered_models WHERE name = ?", (name,)).fetchone():
            return None
        tags = dict(
            db.execute("SELECT key, value FROM registered_model_tags WHERE name = ?", (name,)).fetchall()
        )
        aliases = db.execute("SELECT alias, version FROM registered_model_aliases WHERE name = ?", (name,))
        holders = {alias: str(version) for alias, version in aliases.fetchall()}
        rows = db.execute(
            "SELECT version, creation_time FROM model_versions"
            " WHERE name = ? AND current_stage != 'Deleted_Internal' ORDER BY version",
            (name,),
        ).fetchall()
        found: dict[int, dict[str, str]] = {version: {} for version, _ in rows}
        for version, key, value in db.execute(
            "SELECT version, key, value FROM model_version_tags WHERE name = ?", (name,)
        ):
            if version in found:
                found[version][key] = value
    return StoredModel(
        tags=tags,
        aliases=holders,
        versions=tuple(StoredVersion(version, created, found[version]) for version, created in rows),
    )


def _create_store(path: Path) -> None:
    """Lay out MLflow's tables in a new SQLite file, whole or not at all.

    MLflow's many migrations are not one transaction: killed among them, a store would be beyond repair.
    So they run in a file beside, which takes its place when it is complete.
    """
    store_of = load("mlflow.store.tracking.sqlalchemy_store").SqlAlchemyStore
    draft = path.with_name(f"{TEMPORARY}{path.name}-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)  # of a process of the same number, killed
        store = store_of(f"sqlite:///{draft}", (path.parent / ARTIFACTS).as_uri())
        store.engine.dispose()
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another process was first; a rename would take its store away
            os.link(draft, path)
    except OSError as error:
        raise RegistryError(
            f"the registry can't be created: {error.strerror or error}",
            where=str(path),
            todo="make the folder writable and free some space",
        ) from error
    finally:
        if draft.exists():
            draft.unlink()


@contextmanager
def registry_errors(uri: str) -> Iterator[None]:
    """Turn what MLflow and the libraries under it raise into a RegistryError of one line."""
    try:
        yield
    except Exception as error:
        if not type(error).__module__.startswith(_LIBRARIES):
            raise
        text = without_secret(str(error)).strip()
        first = text.splitlines()[0] if text else type(error).__name__
        todo = f"upgrade the store: mlflow db upgrade {without_secret(uri)}"
        if "out-of-date" not in text:
            todo = "check that `store.registry` in tenure.yaml is right and the store is up"
        what = f"the model registry failed: {first}"
        raise RegistryError(what, where=without_secret(uri), todo=todo) from error


def sqlite_path(uri: str) -> Path | None:
    """The file of a sqlite:/// address; None for any other."""
    return Path(uri.removeprefix("sqlite:///")) if uri.startswith("sqlite:///") else None


def without_secret(text: str) -> str:
    """The text with a password in an address blotted out.

    >>> without_secret("https://ann:pw@host/x")
    'https://ann:***@host/x'
    """
    return re.sub(r"(://[^/:@\s]*):[^@/\s]*@", r"\1:***@", text)


def log_run(
    client: MlflowClient,
    experiment: str,
    tags: dict[str, str],
    params: dict[str, str],
    metrics: dict[str, float],
) -> str:
    """Log params and metrics in one finished run and return its id.

    The first tag names the run: one that a kill left without its version is found by it and used again.
    """
    entities = load("mlflow.entities")
    key, value = next(iter(tags.items()))
    left = client.search_runs([experiment], filter_string=f"tags.`{key}` = '{value}'", max_results=1)
    run: Any = left[0] if left else client.create_run(experiment, tags=tags, run_name=value)
    run_id, started = str(run.info.run_id), int(run.info.start_time)
    logged = [entities.Param(_key(name), text[:MAX_PARAM_LENGTH]) for name, text in params.items()]
    for start in range(0, len(logged), BATCH):
        client.log_batch(run_id, params=logged[start : start + BATCH])
    measured = [entities.Metric(_key(name), number, started, 0) for name, number in metrics.items()]
    for start in range(0, len(measured), BATCH):
        client.log_batch(run_id, metrics=measured[start : start + BATCH])
    client.set_terminated(run_id)
    return run_id


def _key(name: str) -> str:
    """The name with what MLflow refuses in keys replaced."""
    return re.sub(r"[^\w\-. :/]", "_", name)[:250]
