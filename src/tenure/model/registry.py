"""The model registry: versions of one project's model in MLflow, and who holds the post.

MLflow keeps the versions and the aliases `champion` and `challenger`, in a local SQLite file by default or
on any MLflow server. The registry is the truth; the pointer of model/champion.py repeats who is champion.
"""

from __future__ import annotations

import json
import logging
import math
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tenure.errors import RegistryError
from tenure.model.champion import (
    STATE_FOLDER,
    Champion,
    announce_change,
    needs_sync,
    point_to,
    read_champion,
)
from tenure.model.mlflow_log import log_dataset, log_model, log_trials, origin_tags
from tenure.model.mlflow_store import (
    ARTIFACTS,
    StoredModel,
    StoredVersion,
    connect,
    log_run,
    read_model,
    read_store,
    registry_errors,
    sqlite_path,
    warm,
    without_secret,
)
from tenure.records import Estimate

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from tenure.model.workbench import Trial

__all__ = ["Champion", "ModelVersion", "Registry", "default_uri", "needs_sync", "read_champion", "warm"]

log = logging.getLogger(__name__)

CHAMPION = "champion"
CHALLENGER = "challenger"
STORE_FILE = "registry.db"

RELEASE_TAG = "tenure.release"
PATH_TAG = "tenure.path"
DATA_TAG = "tenure.data_version"
METRICS_TAG = "tenure.metrics"
HISTORY_TAG = "tenure.champions"
MAX_HISTORY = 500  # terms of office kept; MLflow's tags hold 5,000 characters


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One registered release.

    version: "1", "2", ... as MLflow counts.  release: its id.  path: its folder, relative to the project.
    created: UTC, ISO 8601.  metrics: name to value, on the test rows.
    """

    version: str
    release: str
    path: str
    aliases: tuple[str, ...]
    created: str
    metrics: dict[str, float]
    data_version: str


def default_uri(project_root: Path) -> str:
    """The address of the project's own SQLite store."""
    return f"sqlite:///{Path(project_root).resolve() / STATE_FOLDER / STORE_FILE}"


class Registry:
    """The versions of one model.

    uri: an MLflow address: sqlite:///<file>, http://<host>; None: the project's own store.
    name: of the model, as in tenure.yaml.  project_root: the folder that holds tenure.yaml.
    Every method raises RegistryError when the registry can't be reached, and ExtraMissing without MLflow.
    """

    def __init__(self, uri: str | None, name: str, project_root: Path | str) -> None:
        self.name = name
        self.root = Path(project_root)
        self.uri = uri or default_uri(self.root)
        self._client: MlflowClient | None = None

    # -- reading ---------------------------------------------------------------------------------------

    def versions(self) -> list[ModelVersion]:
        """Every version, the oldest first; empty when nothing is registered."""
        model = self._model()
        if model is None:
            return []
        holders: dict[str, list[str]] = {}
        for alias, version in model.aliases.items():
            holders.setdefault(version, []).append(alias)
        return [_record(stored, holders.get(str(stored.version), [])) for stored in model.versions]

    def champion(self) -> ModelVersion | None:
        """The version that serves; None when nothing was promoted."""
        return _holder(self.versions(), CHAMPION)

    def challenger(self) -> ModelVersion | None:
        """The version that waits for its comparison; None when there is none."""
        return _holder(self.versions(), CHALLENGER)

    def resolve(self, which: str) -> ModelVersion:
        """Find "champion", "challenger" or a version's number. Raises RegistryError naming what there is."""
        versions = self.versions()
        key = which.strip().lower()
        if key in (CHAMPION, CHALLENGER):
            found = _holder(versions, key)
        else:
            found = next((version for version in versions if version.version == key), None)
        if found is None:
            raise RegistryError(
                f"the model {self.name!r} has no {which!r}; {_listed(versions)}",
                where=without_secret(self.uri),
                todo="name one of these" if versions else "run `tenure run` first",
            )
        return found

    def history(self) -> list[str]:
        """The versions that have been champion, in the order of promotion; the last is the present one."""
        versions = self.versions()
        champion = _holder(versions, CHAMPION)
        if champion is None:
            return []
        kept = [version for version in self._written_history() if version in {v.version for v in versions}]
        return _mend(kept, champion.version)

    # -- writing ---------------------------------------------------------------------------------------

    def register(
        self,
        release_dir: Path | str,
        manifest: Mapping[str, Any],
        params: Mapping[str, object],
        metrics: Mapping[str, float | Estimate],
        trials: Sequence[Trial] = (),
    ) -> str:
        """Log a run and make a version of the release; return the version's number.

        manifest: of the release, with at least `release` (its id) and, if known, `data_version`.
        params: what the model was trained with.  metrics: on the test rows; an Estimate is logged with its
        interval as name_low and name_high.
        trials: each becomes a run nested under it.  The same release registered again gives the version it has.
        """
        release = str(manifest.get("release") or Path(release_dir).name)
        for version in self.versions():
            if version.release == release:
                return version.version
        flat = _flat(metrics)
        tags = {
            RELEASE_TAG: release,
            PATH_TAG: _relative(Path(release_dir), self.root),
            DATA_TAG: str(manifest.get("data_version", "")),
        }
        shown = {name: value for name, value in flat.items() if math.isfinite(value)}
        with self._talking() as client:
            if read_model(client, self.name) is None:
                client.create_registered_model(self.name)
            texts = {name: str(value) for name, value in params.items()}
            shown_tags = {**tags, **origin_tags(Path(release_dir))}
            run_id = log_run(client, self._experiment(client), shown_tags, texts, flat)
            log_dataset(client, run_id, self.name, str(manifest.get("data_version", "")))
            log_trials(client, self._experiment(client), run_id, trials)
            source = log_model(client, run_id, Path(release_dir))
            made = client.create_model_version(
                self.name,
                source=source,
                run_id=run_id,
                tags={**tags, METRICS_TAG: json.dumps(shown, sort_keys=True)},
            )
        return str(made.version)

    def promote(self, version: str) -> ModelVersion:
        """Make a version the champion; promoting the present one again only repairs the pointer."""
        chosen = self.resolve(version)
        history = self.history()
        if not history or history[-1] != chosen.version:
            announce_change(self.root)
            # The history first: killed before the alias moves, `_mend` cuts the new entry off.
            self._write_history([*history, chosen.version])
            self._set_alias(CHAMPION, chosen.version)
            if CHALLENGER in chosen.aliases:
                self._drop_alias(CHALLENGER)
        self.sync()
        return self.resolve(chosen.version)

    def rollback(self) -> ModelVersion:
        """Give the post back to the champion before; twice gives the one before that.

        Raises RegistryError when there is none.
        """
        history = self.history()
        if len(history) < 2:
            present = f"version {history[-1]} is the first" if history else "nothing was promoted yet"
            raise RegistryError(
                f"there is no earlier champion to go back to: {present}; {_listed(self.versions())}",
                where=without_secret(self.uri),
                todo="promote a version with `tenure promote VERSION`",
            )
        announce_change(self.root)
        # The alias first: killed before the history is cut, `_mend` sees the older champion and cuts it.
        self._set_alias(CHAMPION, history[-2])
        self._write_history(history[:-1])
        self.sync()
        return self.resolve(history[-2])

    def challenge(self, version: str | None) -> ModelVersion | None:
        """Make a version the challenger; None takes the alias away."""
        if version is None:
            if self.challenger() is not None:
                self._drop_alias(CHALLENGER)
            return None
        chosen = self.resolve(version)
        self._set_alias(CHALLENGER, chosen.version)
        return self.resolve(chosen.version)

    def sync(self) -> Champion | None:
        """Make the pointer file and the history agree with the registry; return what the pointer now says."""
        champion = self.champion()
        wanted = None
        if champion is not None:
            wanted = Champion(self.name, champion.version, champion.path)
            history = self.history()
            if history != self._written_history():
                self._write_history(history)
        elif read_champion(self.root) is not None:
            # not ours to take away: the registry may be the wrong one, or its name may have changed
            raise RegistryError(
                f"the registry has no champion called {self.name!r}, but the project serves one",
                where=without_secret(self.uri),
                todo="bring the registry back, or put `name` and `store.registry` in tenure.yaml right",
            )
        point_to(self.root, wanted)
        return wanted

    # -- within ----------------------------------------------------------------------------------------

    def _model(self) -> StoredModel | None:
        """What the registry holds; a store of our own is read without importing MLflow."""
        path = sqlite_path(self.uri)
        if path is not None:
            if not path.exists():
                return None
            try:
                return read_store(path, self.name)
            except sqlite3.Error as error:
                log.info("asking MLflow, the store is not as expected: %s", error)
        with self._talking() as client:
            return read_model(client, self.name)

    @contextmanager
    def _talking(self) -> Iterator[MlflowClient]:
        """Hand out the client; turn what MLflow raises into RegistryError."""
        if self._client is None:
            self._client = connect(self.uri)
        with registry_errors(self.uri):
            yield self._client

    def _experiment(self, client: MlflowClient) -> str:
        found = client.get_experiment_by_name(self.name)
        if found is not None:
            return str(found.experiment_id)
        local = (self.root.resolve() / STATE_FOLDER / ARTIFACTS).as_uri() if sqlite_path(self.uri) else None
        return str(client.create_experiment(self.name, artifact_location=local))

    def _written_history(self) -> list[str]:
        model = self._model()
        text = model.tags.get(HISTORY_TAG, "") if model is not None else ""
        return [part for part in text.split(",") if part]

    def _write_history(self, history: Sequence[str]) -> None:
        with self._talking() as client:
            client.set_registered_model_tag(self.name, HISTORY_TAG, ",".join(history[-MAX_HISTORY:]))

    def _set_alias(self, alias: str, version: str) -> None:
        with self._talking() as client:
            client.set_registered_model_alias(self.name, alias, version)

    def _drop_alias(self, alias: str) -> None:
        with self._talking() as client:
            client.delete_registered_model_alias(self.name, alias)


def _record(stored: StoredVersion, aliases: Sequence[str]) -> ModelVersion:
    made = datetime.fromtimestamp(stored.created / 1000, UTC)
    return ModelVersion(
        version=str(stored.version),
        release=stored.tags.get(RELEASE_TAG, ""),
        path=stored.tags.get(PATH_TAG, ""),
        aliases=tuple(sorted(aliases)),
        created=made.isoformat(timespec="seconds").replace("+00:00", "Z"),
        metrics=json.loads(stored.tags.get(METRICS_TAG, "{}")),
        data_version=stored.tags.get(DATA_TAG, ""),
    )


def _flat(metrics: Mapping[str, float | Estimate]) -> dict[str, float]:
    flat: dict[str, float] = {}
    for name, metric in metrics.items():
        if isinstance(metric, Estimate):
            flat |= {name: metric.value, f"{name}_low": metric.low, f"{name}_high": metric.high}
        else:
            flat[name] = float(metric)
    return flat


def _holder(versions: Sequence[ModelVersion], alias: str) -> ModelVersion | None:
    return next((version for version in versions if alias in version.aliases), None)


def _mend(history: Sequence[str], champion: str) -> list[str]:
    """The history that ends in the champion: cut after its last term of office, or with a new one added.

    >>> _mend(["1", "2", "3"], "2"), _mend(["1", "2"], "3")
    (['1', '2'], ['1', '2', '3'])
    """
    mended = list(history)
    if champion not in mended:
        return [*mended, champion]
    while mended[-1] != champion:
        mended.pop()
    return mended


def _relative(folder: Path, root: Path) -> str:
    """The release's folder as seen from the project, so that a moved project keeps its releases."""
    try:
        return folder.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        return folder.resolve().as_posix()


def _listed(versions: Sequence[ModelVersion]) -> str:
    if not versions:
        return "no version is registered"
    named = [v.version + (f" ({', '.join(v.aliases)})" if v.aliases else "") for v in versions]
    return f"there {'is version' if len(named) == 1 else 'are versions'} {', '.join(named)}"
