"""What the evidence is taken from: each piece verified when it is first asked for, or NoEvidence says why not."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tenure.config import ProjectConfig
from tenure.errors import TenureError
from tenure.journal.entries import Event, Prediction
from tenure.journal.place import may_be_there
from tenure.journal.queries import events, latest_predictions
from tenure.journal.tables import open_journal
from tenure.model.registry import read_champion
from tenure.project.digests import is_genuine
from tenure.project.folder import Folder
from tenure.project.versions import Version, find_version, follow, is_intact, list_versions
from tenure.release.scorer import Scorer

if TYPE_CHECKING:
    import polars as pl

SAMPLE = 200
"""Rows that are scored again."""


class NoEvidence(Exception):
    """A piece of evidence is missing, changed, or of another model or data."""


class Facts:
    """The champion, its run and its data, as they are now."""

    def __init__(self, folder: Folder, config: ProjectConfig) -> None:
        self.folder = folder
        self.config = config

    @cached_property
    def _champion(self) -> tuple[str, Path]:
        champion = read_champion(self.folder.root)
        if champion is None:
            raise NoEvidence("nothing holds the post yet")
        return champion.version, self.folder.root / champion.release

    @property
    def version(self) -> str:
        """The champion's version in the registry."""
        return self._champion[0]

    @property
    def place(self) -> Path:
        """The champion's release."""
        return self._champion[1]

    @cached_property
    def scorer(self) -> Scorer:
        """The champion, every file verified and its golden rows scored again."""
        try:
            scorer = Scorer.load(self.place)
            scorer.check_golden()
        except TenureError as error:
            raise NoEvidence(f"the champion's release: {error.what}") from error
        return scorer

    @property
    def release(self) -> str:
        """The id of the champion's release."""
        return self.scorer.manifest.release

    def part(self, name: str) -> Any:
        """A verified JSON file of the champion's release."""
        content = (self.place / name).read_bytes()
        if hashlib.sha256(content).hexdigest() != self.scorer.manifest.files.get(name):
            raise NoEvidence(f"{name} of the release was changed")
        return json.loads(content)

    @cached_property
    def record(self) -> Mapping[str, Any]:
        """The record of the champion's run: its SHA-256 is the one in the journal."""
        lines = [event for event in self.events("run") if event.body["release"] == self.release]
        if not lines:
            raise NoEvidence("the journal has no run that made the champion")
        path = self.folder.runs / lines[-1].body["run"] / "record.json"
        if not path.is_file():
            raise NoEvidence(f"the run record {path.parent.name} is gone")
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != lines[-1].body.get("record_sha256"):
            raise NoEvidence(f"the run record {path.parent.name} was changed after the run")
        return dict(json.loads(content))

    @cached_property
    def data(self) -> Version:
        """The champion's data version: intact, and the latest that was prepared."""
        name = self.record["data"]["version"]
        try:
            version = find_version(self.folder, name)
            known = list_versions(self.folder)
        except TenureError as error:
            raise NoEvidence(f"the champion's rows: {error.what}") from error
        if not is_intact(self.folder, version):
            raise NoEvidence(f"data version {version.version} does not hash as it did when it was made")
        if follow(self.folder, name) == name and version.content != self.record["data"]["content"]:
            raise NoEvidence(f"data version {version.version} is not the one of the run")
        if known and known[-1].made > version.made:
            raise NoEvidence(
                f"the champion was trained on version {version.version}, the latest rows are {known[-1].version}"
            )
        return version

    @cached_property
    def training_rows(self) -> pl.DataFrame:
        """The first training rows of the champion's data, typed; at most SAMPLE of them."""
        import polars as pl

        from tenure.prepare.split import PART, TRAIN
        from tenure.project.versions import read_rows

        rows, _ = read_rows(self.folder, self.data)
        return rows.filter(pl.col(PART) == TRAIN).head(SAMPLE).collect()

    @cached_property
    def _events(self) -> list[Event]:
        if not may_be_there(self.folder.journal):
            return []
        with closing(open_journal(self.folder.journal, create=False)) as db:
            return events(db)

    def events(self, kind: str) -> list[Event]:
        """The journal's events of a kind whose hash is right, the oldest first."""
        return [e for e in self._events if e.kind == kind and is_genuine(e.body)]

    @cached_property
    def reports(self) -> list[Mapping[str, Any]]:
        """Genuine monitor reports of the champion, the oldest first."""
        return [e.body for e in self.events("monitor") if e.body.get("release") == self.release]

    @property
    def report(self) -> Mapping[str, Any]:
        """The latest of them."""
        if not self.reports:
            raise NoEvidence("no genuine monitor report of the champion; run `tenure monitor`")
        return self.reports[-1]

    def answers(self) -> list[Prediction]:
        """The champion's latest answers in the journal, at most SAMPLE of them."""
        if not may_be_there(self.folder.journal):
            return []
        with closing(open_journal(self.folder.journal, create=False)) as db:
            return latest_predictions(db, self.release, SAMPLE)
