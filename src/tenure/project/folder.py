"""A project's folder: where things are, and who may change them."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tenure.config import FILE_NAME, SCHEMA_FILE, ProjectConfig, load_config
from tenure.durable import TEMPORARY, write_durably
from tenure.errors import ExtraMissing, ProjectBusy, ProjectError
from tenure.journal.place import Place
from tenure.journal.tables import open_journal
from tenure.project.expressions import check_expressions
from tenure.project.journals import journal_place


@dataclass(frozen=True, slots=True)
class Folder:
    """The paths of one project.

    tenure.yaml is the user's; releases/ holds what is served; versions/ prepared data; .tenure/ is tenure's own.
    """

    root: Path

    @property
    def config_file(self) -> Path:
        return self.root / FILE_NAME

    @property
    def releases(self) -> Path:
        return self.root / "releases"

    @property
    def versions(self) -> Path:
        """Prepared data by version; outside of .tenure/, so that DVC and git see it."""
        return self.root / "versions"

    @property
    def own(self) -> Path:
        return self.root / ".tenure"

    @property
    def journal(self) -> Place:
        """The journal's file, or the database that store.journal names. Raises ConfigError."""
        return journal_place(self.config_file, self.own / "journal.db", self.days)

    @property
    def days(self) -> Path:
        """Days that were moved out of the journal, one Parquet file each."""
        return self.own / "journal"

    @property
    def registry(self) -> Path:
        return self.own / "registry.db"

    @property
    def champion(self) -> Path:
        """The pointer that the service watches; the registry is the truth."""
        return self.own / "champion.json"

    @property
    def schema(self) -> Path:
        """What each column must be: the user's, once it was inferred."""
        return self.root / SCHEMA_FILE

    @property
    def proposed_schema(self) -> Path:
        return self.root / "schema.proposed.json"

    @property
    def schema_in_force(self) -> Path:
        """The schema that the latest rows were prepared under."""
        return self.own / SCHEMA_FILE

    @property
    def trained(self) -> Path:
        return self.own / "trained"

    @property
    def runs(self) -> Path:
        return self.own / "runs"

    @property
    def explored(self) -> Path:
        """Summaries and samples that `explore` draws from; made again when missing."""
        return self.own / "explored"

    @property
    def collected(self) -> Path:
        """What was fetched from databases, interfaces and object stores."""
        return self.own / "collected"

    @property
    def forgotten(self) -> Path:
        """Receipts of erased persons."""
        return self.own / "forgotten"

    def config(self) -> ProjectConfig:
        """Read and check tenure.yaml, its SQL expressions too. Raises ConfigError.

        Without sqlglot nothing can be prepared: the commands that do say so. The others go by a release, which
        has its expressions as trees.
        """
        config = load_config(self.config_file)
        with contextlib.suppress(ExtraMissing):
            check_expressions(config)
        return config

    def make(self) -> None:
        """Create what is missing. Raises ProjectError when the folder cannot be written."""
        try:
            for folder in (self.root, self.own, self.releases, self.trained, self.runs):
                folder.mkdir(parents=True, exist_ok=True)
            if not (self.own / ".gitignore").exists():
                write_durably(self.own / ".gitignore", "*\n")
        except (PermissionError, NotADirectoryError, FileExistsError) as error:
            raise ProjectError(
                f"the project folder cannot be written: {error.strerror}",
                where=str(error.filename or self.root),
                todo="choose another folder with --project, or change its permissions",
            ) from error

    @contextlib.contextmanager
    def changing(self, command: str) -> Iterator[None]:
        """Hold the project for one command that changes it, and clear away what a killed one left.

        Raises ProjectBusy at once when another process holds it. The kernel gives the lock back
        when a process dies, however it dies.
        """
        self.make()
        handle = os.open(self.own / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise self._busy(os.pread(handle, 500, 0)) from error
            os.ftruncate(handle, 0)
            os.pwrite(
                handle, json.dumps({"pid": os.getpid(), "command": command, "since": time.time()}).encode(), 0
            )
            self._clear_leftovers()
            # a change that cannot be recorded must not begin
            open_journal(self.journal).close()
            yield
        finally:
            os.close(handle)

    def _busy(self, note: bytes) -> ProjectBusy:
        try:
            holder = json.loads(note)
            who = f"`tenure {holder['command']}` (process {holder['pid']}, for {time.time() - holder['since']:.0f} s)"
        except (ValueError, KeyError):
            who = "another tenure command"
        return ProjectBusy(
            f"{who} is changing this project",
            where=str(self.root),
            todo="wait for it to end, or use another --project",
        )

    def _clear_leftovers(self) -> None:
        places = (
            self.root,
            self.own,
            self.days,
            self.releases,
            self.versions,
            self.trained,
            self.runs,
            self.forgotten,
        )
        for folder in places:
            for path in folder.glob(f"{TEMPORARY}*"):
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)


def find_folder(project: str | None) -> Folder:
    """Return the folder named, or the nearest one upward that holds a tenure.yaml.

    Raises ProjectError when there is none.
    """
    if project is not None:
        folder = Folder(Path(project).resolve())
        if not folder.config_file.is_file():
            raise ProjectError(
                "there is no tenure.yaml in the project folder",
                where=str(folder.root),
                todo="run `tenure run SOURCE --target COLUMN`, or `tenure init`",
            )
        return folder
    here = Path.cwd()
    for root in (here, *here.parents):
        if (root / FILE_NAME).is_file():
            return Folder(root)
    raise ProjectError(
        "no project: there is no tenure.yaml here or in a folder above",
        where=str(here),
        todo="run `tenure run SOURCE --target COLUMN`, `tenure init`, or pass --project DIR",
    )
