"""A project: a folder with a tenure.yaml, and the stages of the lifecycle as methods.

Whatever the command line can do, a notebook can do:

    from tenure.project import Project
    project = Project.open("telco")
    report = project.run(budget=60)
    print(report.to_text())
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tenure.config import ProjectConfig
from tenure.project.folder import Folder, find_folder

if TYPE_CHECKING:
    from tenure.model.registry import Registry
    from tenure.monitor.report import MonitorReport
    from tenure.prepare.changes import Changes
    from tenure.prepare.doubts import Doubts
    from tenure.prepare.explore import Exploration
    from tenure.project.audit import Audit
    from tenure.project.explaining_rows import ExplainedRow
    from tenure.project.prepared import Prepared
    from tenure.project.replaying import RunReplay
    from tenure.project.report import RunReport
    from tenure.project.shape import SchemaText
    from tenure.project.trained import TrainedRun
    from tenure.project.versions import Version
    from tenure.release.card_page import Card

__all__ = ["Project"]


@dataclass(frozen=True)
class Project:
    """One project. Methods raise TenureError for what the user can mend; see tenure.errors."""

    folder: Folder

    @classmethod
    def open(cls, path: str | None = None) -> Project:
        """Open the project at path, or the nearest one upward from the working directory."""
        return cls(find_folder(path))

    @cached_property
    def config(self) -> ProjectConfig:
        """tenure.yaml, read and checked once."""
        return self.folder.config()

    def prepare(self, *, again: bool = False) -> Prepared:
        """Read, check and split the source; learn the recipe. again: even if nothing has changed."""
        from tenure.project.preparing import prepare

        config = self.config
        with self.folder.changing("prepare"):
            return prepare(self.folder, config, again=again)

    def changes(self, prepared: Prepared) -> Changes:
        """What preparing did to the cells of the source, by column and rule."""
        from tenure.project.cleaning import list_changes

        return list_changes(self.folder, self.config, prepared)

    def schema(self, format: str = "tenure") -> SchemaText:
        """The project's schema.json; format: tenure, jsonschema, frictionless or pandera."""
        from tenure.project.shape import export_schema

        return export_schema(self.folder, format)

    def doubts(self, prepared: Prepared) -> Doubts:
        """What looks wrong in the prepared rows, and was left as it is."""
        from tenure.project.cleaning import list_doubts

        return list_doubts(prepared)

    def explore(self) -> Exploration:
        """What is in the training rows, by the target; of the source as it is while nothing is prepared."""
        from tenure.project.exploring import explore

        return explore(self.folder, self.config)

    def train(
        self,
        *,
        budget: float | None = None,
        seed: int | None = None,
        plan: str | None = None,
        again: bool = False,
    ) -> TrainedRun:
        """Tune, calibrate and fit on the prepared rows. plan: the run whose plan is followed without a search."""
        from tenure.project.training import train

        config = self.config
        with self.folder.changing("train"):
            return train(self.folder, config, budget=budget, seed=seed, plan=plan, again=again)

    def evaluate(self) -> RunReport:
        """Read the test rows once; write, register and (if the config says so) promote the release."""
        from tenure.project.training import evaluate

        config = self.config
        with self.folder.changing("evaluate"):
            return evaluate(self.folder, config)

    def run(
        self,
        *,
        budget: float | None = None,
        seed: int | None = None,
        data: str | None = None,
        again: bool = False,
    ) -> RunReport:
        """Prepare, train and evaluate in one go. budget: seconds.  data: a stored version, in place of the source."""
        from tenure.project.training import run

        config = self.config
        with self.folder.changing("run"):
            return run(self.folder, config, budget=budget, seed=seed, data=data, again=again)

    def restore_data(self, version: str) -> Version:
        """Bring a data version back from DVC's cache or remote, and check its hash."""
        from tenure.project.versions import restore_version

        with self.folder.changing("data restore"):
            return restore_version(self.folder, version)

    def forget(self, person: str, *, column: str | None = None) -> dict[str, Any]:
        """Erase a person from every version, cache and the journal; returns the receipt."""
        from tenure.project.forgetting import forget

        config = self.config
        with self.folder.changing("forget"):
            return forget(self.folder, config, person, column)

    def archive(self) -> dict[str, Any]:
        """Move the journal's old days into files of their own, and delete those past serve.keep_for."""
        from tenure.project.archiving import archive

        config = self.config
        with self.folder.changing("archive"):
            return archive(self.folder, config)

    def predict(
        self,
        source: str,
        output: str,
        *,
        model: str = "champion",
        explain: int = 0,
        **written: str | None,
    ) -> dict[str, Any]:
        """Score a table into a .csv or .parquet file.

        written: delimiter, encoding, query or table, where the table is not written as the project's own.
        """
        from tenure.project.predicting import predict

        return predict(self.folder, self.config, model, source, output, explain, written)

    def explain(
        self,
        prediction: str | None = None,
        *,
        row: str | None = None,
        model: str = "champion",
        effects: int = 8,
        to: str | None = None,
        most_changes: int = 3,
        lime: bool = False,
    ) -> ExplainedRow:
        """A recorded prediction, or the row in a JSON file: what moved it, and what would change the decision."""
        from tenure.project.explaining_rows import ask_file, ask_journal, ask_lime, explain_row

        if prediction is not None:
            asked = ask_journal(self.folder, prediction)
        else:
            asked = ask_file(self.folder, self.config, str(row), model)
        found = explain_row(self.config, asked, effects=effects, to=to, most_changes=most_changes)
        return ask_lime(self.folder, found, self.config.split.seed) if lime else found

    def panel(self, output: str, *, at: str | None = None, source: str | None = None) -> dict[str, Any]:
        """Write the rows of the event tables as they stand at a time, for `predict`; see project.panels."""
        from tenure.project.panels import write_panel

        return write_panel(self.folder, self.config, output, at, source)

    def serve(self, *, host: str = "127.0.0.1", port: int = 8000, workers: int = 1) -> None:
        """Answer over HTTP with the champion until interrupted."""
        from tenure.project.serving import serve

        serve(self.folder, self.config, host, port, workers)

    def registry(self) -> Registry:
        """The versions of this project's model."""
        from tenure.project.promoting import open_registry

        return open_registry(self.folder, self.config)

    def promote(self, version: str, *, despite: str | None = None) -> tuple[str | None, str]:
        """Make a version the champion. Returns the versions before and after.

        despite: the reason for which a limit that it exceeds is overruled.
        """
        from tenure.project.promoting import promote

        config = self.config
        with self.folder.changing("promote"):
            return promote(self.folder, config, version, despite)

    def rollback(self) -> tuple[str, str]:
        """Give the post back to the previous champion. Returns the versions before and after."""
        from tenure.project.promoting import rollback

        config = self.config
        with self.folder.changing("rollback"):
            return rollback(self.folder, config)

    def take_outcomes(self, source: str, **written: str | None) -> dict[str, Any]:
        """Record true labels that arrived later, joined by prediction id or row id. written: as for predict."""
        from tenure.project.watching import take_outcomes

        return take_outcomes(self.folder, self.config, source, written)

    def monitor(self, *, since: datetime | None = None, until: datetime | None = None) -> MonitorReport:
        """Check drift, performance and health over a window (the config's, until now)."""
        from tenure.project.watching import monitor

        return monitor(self.folder, self.config, since, until)

    def review(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        dry_run: bool = False,
        budget: float | None = None,
    ) -> dict[str, Any]:
        """Monitor, decide and act; the decision is recorded."""
        from tenure.project.watching import review

        config = self.config
        with self.folder.changing("review"):
            return review(self.folder, config, since, until, dry_run=dry_run, budget=budget)

    def trace(self, identifier: str) -> dict[str, Any]:
        """Where one prediction came from. identifier: its id, or a row id."""
        from tenure.project.tracing import trace

        return trace(self.folder, identifier)

    def replay(self, identifier: str) -> dict[str, Any]:
        """Compute one prediction again from its release and compare every bit."""
        from tenure.project.tracing import replay

        return replay(self.folder, identifier)

    def is_run(self, identifier: str) -> bool:
        """Whether an id names a run of this project."""
        from tenure.project.replaying import is_run

        return is_run(self.folder, identifier)

    def replay_run(self, run: str) -> RunReplay:
        """Train a run again from its record, beside the project, and compare the release by the hash of every file."""
        from tenure.project.replaying import replay_run

        return replay_run(self.folder, run)

    def audit(self) -> Audit:
        """The 28 tests of the ML Test Score, each judged by evidence that is checked now."""
        from tenure.project.audit import audit

        return audit(self.folder, self.config)

    def card(self, which: str = "champion") -> Card:
        """The model card of a version; it writes itself as Markdown or HTML."""
        from tenure.project.carding import make_card

        return make_card(self.folder, self.config, which)
