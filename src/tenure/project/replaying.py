"""Train a run again from its record, into a temporary place, and compare every file of the release by its hash."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tenure.config import ProjectConfig, TableSchema
from tenure.errors import ProjectError, TenureError
from tenure.model.evaluate import evaluate
from tenure.model.generated import Generated
from tenure.model.settings import Plan
from tenure.project.explaining import with_explanations
from tenure.project.fairness import decided_by, measure_test
from tenure.project.folder import Folder
from tenure.project.generating import with_generated
from tenure.project.prepared import load_prepared
from tenure.project.promoting import note
from tenure.project.runs import read_record
from tenure.project.sealing import check_seal
from tenure.project.tables import make_tables
from tenure.project.training import fit, make_release
from tenure.release.files import open_release
from tenure.release.folder import runtime_versions

EVENT = "replay"
NO_LIBRARIES = ("python", "platform", "tenure")


@dataclass(frozen=True, slots=True)
class RunReplay:
    """A run done again. files: those of the release -> SHA-256, then and now; None where there was none.

    changed: what differs of platform, libraries and threads, as name -> (then, now).  reasons: in words.
    """

    run: str
    release: str
    files: Mapping[str, tuple[str | None, str | None]]
    changed: Mapping[str, tuple[str | None, str | None]]
    reasons: tuple[str, ...]

    @property
    def different(self) -> tuple[str, ...]:
        """The files that came out otherwise."""
        return tuple(name for name, (then, now) in self.files.items() if then != now)

    @property
    def same(self) -> bool:
        """Whether every file came out with the same bytes."""
        return not self.different

    def to_dict(self) -> dict[str, Any]:
        """The document of `tenure replay --json`."""
        return {**asdict(self), "different": list(self.different), "same": self.same}

    def to_text(self) -> str:
        """One line a file that differs, and why it may."""
        if self.same:
            lines = [f"run {self.run}: the same bytes again in all {len(self.files)} files of {self.release}"]
        else:
            lines = [f"run {self.run}: NOT the same in {', '.join(self.different)}"]
            lines += [f"  {reason}" for reason in self.reasons]
        lines += [f"  {name} was {then}, is {now}" for name, (then, now) in self.changed.items()]
        return "\n".join(lines)


def is_run(folder: Folder, identifier: str) -> bool:
    """Whether an id is that of a run; those of predictions have another form."""
    return (folder.runs / identifier).is_dir() and bool(identifier.strip("./"))


def replay_run(folder: Folder, run: str) -> RunReplay:
    """Follow a run's plan on its data version, with its config, seed and threads. The outcome is in the journal.

    The test rows are read for the comparison; nothing is chosen by it, so that it is no reading of its own count.
    Raises ProjectError for a run without a record or a plan, for rows that are gone, moved or changed, and where a
    library that trained it is not installed.
    """
    record = read_record(folder, run)
    plan = _plan(folder, record)
    _check_libraries(record)
    prepared = load_prepared(folder, _version(folder, record))
    check_seal(folder, prepared)
    with tempfile.TemporaryDirectory(prefix="tenure-replay-") as place:
        made = _train_again(
            Folder(Path(place)), record, plan, replace(prepared, warnings=_data_warnings(record))
        )
        now = dict(open_release(made).files)
    then: Mapping[str, str] = record["files"]
    files = {name: (then.get(name), now.get(name)) for name in sorted({*then, *now})}
    changed = _changes(record)
    replayed = RunReplay(run, record["release"], files, changed, _reasons(changed))
    body = {"run": run, "release": record["release"], "then": dict(then), "now": now}
    note(folder, EVENT, body)
    return replayed


def _train_again(place: Folder, record: Mapping[str, Any], plan: Plan, prepared: Any) -> Path:
    config = _config(record)
    prepared = with_generated(prepared, plan.features)
    tables = make_tables(prepared, decided_by(config))
    trained = Generated(plan.features).noted_in(fit(config, prepared, tables, plan))
    trained = with_explanations(config, prepared, tables, trained)
    trained = replace(trained, warnings=tuple(record["warnings"]["training"]))
    both = tables.train.joined(tables.validation)
    evaluation = evaluate(prepared.recipe, trained, both, tables.test, config.model.threshold)
    return make_release(
        place,
        config,
        prepared,
        tables,
        trained,
        evaluation,
        record["run"],
        reference=tables.test.features if record["reference"] == "test" else None,
        schema=TableSchema.model_validate(record["schema"]),
        fairness=measure_test(config, prepared, trained, tables),
    )


def _config(record: Mapping[str, Any]) -> ProjectConfig:
    """The run's config, with the threads that it had: more or fewer may add numbers in another order."""
    config = ProjectConfig.model_validate(record["config"])
    model = config.model.model_copy(update={"threads": record["threads"]})
    split = config.split.model_copy(update={"seed": record["seed"]})
    return config.model_copy(update={"model": model, "split": split})


def _data_warnings(record: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(record["warnings"]["data"])


def _plan(folder: Folder, record: Mapping[str, Any]) -> Plan:
    where = str(folder.runs / record["run"] / "record.json")
    if not record.get("plan"):
        raise ProjectError(
            "the run has no plan to follow", where=where, todo="name a run that trained a model"
        )
    try:
        plan = Plan.from_json(record["plan"])
    except (ValueError, KeyError, TypeError) as error:
        raise ProjectError(f"the run's plan cannot be followed: {error}", where=where) from error
    if not plan.members:
        raise ProjectError("the run's plan names no model", where=where, todo="name another run")
    return plan


def _version(folder: Folder, record: Mapping[str, Any]) -> str:
    from tenure.project.versions import find_version, follow

    name = record["data"]["version"]
    now = follow(folder, name)
    if now != name:
        raise ProjectError(
            f"a person was erased from the rows of this run: version {name} is now {now}, and the same model "
            "can't come out of it",
            where=str(folder.versions),
            todo="run `tenure run --data " + now + "` for a model of the rows that are left",
        )
    return find_version(folder, name).version


def _check_libraries(record: Mapping[str, Any]) -> None:
    now = runtime_versions()
    gone = [name for name in record["runtime"] if name not in now]
    if gone:
        raise TenureError(
            f"the run was made with {', '.join(gone)}, not installed here",
            where=f"run {record['run']}",
            todo="install " + " ".join(f"{name}=={record['runtime'][name]}" for name in gone),
        )


def _changes(record: Mapping[str, Any]) -> dict[str, tuple[str | None, str | None]]:
    then, now = record["runtime"], runtime_versions()
    names = dict.fromkeys([*then, *now])
    return {name: (then.get(name), now.get(name)) for name in names if then.get(name) != now.get(name)}


def _reasons(changed: Mapping[str, tuple[str | None, str | None]]) -> tuple[str, ...]:
    """Why files may differ; threads never do, as the run's number of them is used."""
    reasons = []
    if "platform" in changed:
        reasons.append(
            "another platform rounds elementary functions otherwise: equal bits are not promised there"
        )
    libraries = [name for name in changed if name not in NO_LIBRARIES]
    if libraries:
        reasons.append(f"other versions may fit another model: {', '.join(libraries)}")
    if "tenure" in changed:
        reasons.append("another version of tenure may prepare, search or write otherwise")
    if "python" in changed:
        reasons.append("another Python may bring other libraries")
    if not changed:
        reasons.append(
            "platform, libraries and threads are those of the run: its record, its rows or tenure's own code changed"
        )
    return tuple(reasons)
