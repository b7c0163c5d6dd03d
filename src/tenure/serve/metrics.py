"""What a service counts, in the Prometheus text format."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from tenure.journal.entries import NewPrediction
from tenure.prepare.recipe import OTHER
from tenure.prepare.rows import CleanValue
from tenure.serve.champion import ServedModel

CONTENT_TYPE = CONTENT_TYPE_LATEST
# Set by the server when several workers share their numbers through files.
SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class ServiceMetrics:
    """The counters of one service; `page` is what GET /metrics answers."""

    def __init__(self) -> None:
        # when each began to count would be a series more for each of them
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self._predictions = Counter(
            "tenure_predictions",
            "Rows answered, by model version and predicted label.",
            ("version", "prediction"),
            registry=self._registry,
        )
        self._refusals = Counter(
            "tenure_refusals",
            "Requests not answered, by HTTP status.",
            ("status",),
            registry=self._registry,
        )
        self._warnings = Counter(
            "tenure_row_warnings",
            "Cells that break a rule of schema.json and were scored all the same, by column.",
            ("column",),
            registry=self._registry,
        )
        self._bad_cells = Counter(
            "tenure_bad_cells",
            "Cells for which a row was refused, by column and rule.",
            ("column", "rule"),
            registry=self._registry,
        )
        self._missing = Counter(
            "tenure_feature_missing",
            "Rows in which the model found a feature missing, refused rows too.",
            ("column",),
            registry=self._registry,
        )
        self._unseen = Counter(
            "tenure_feature_unseen",
            "Rows in which a level was rare or unknown in training, refused rows too.",
            ("column",),
            registry=self._registry,
        )
        self._outcomes = Counter(
            "tenure_outcomes",
            "True labels given, by what became of them.",
            ("result",),
            registry=self._registry,
        )
        self._shadow = Counter(
            "tenure_shadow_rows",
            "Answered rows that a version which only listens was shown, by what became of them.",
            ("version", "result"),
            registry=self._registry,
        )
        self._canary = Counter(
            "tenure_canary_rows",
            "Rows that fell to the version with a share of them, by what became of them.",
            ("version", "result"),
            registry=self._registry,
        )
        self._loads = Counter(
            "tenure_model_loads",
            "Promoted releases taken into service or refused.",
            ("result",),
            registry=self._registry,
        )
        self._model = Gauge(
            "tenure_model_info",
            "1 for the model that answers now.",
            ("name", "version", "release"),
            registry=self._registry,
            multiprocess_mode="livemax",
        )
        self._loaded_at = Gauge(
            "tenure_model_loaded_timestamp_seconds",
            "When the model that answers now was taken into service.",
            registry=self._registry,
            multiprocess_mode="livemax",
        )
        self._made_at = Gauge(
            "tenure_model_made_timestamp_seconds",
            "When the model that answers now was made.",
            registry=self._registry,
            multiprocess_mode="livemax",
        )
        self._seconds = Histogram(
            "tenure_request_seconds",
            "Seconds from an answered request to its answer, journal included.",
            ("route", "model", "version"),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._journal_seconds = Histogram(
            "tenure_journal_seconds",
            "Seconds that rows waited until they were on disk.",
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.count_journal_seconds = self._journal_seconds.observe
        # Looking a labelled counter up costs more than counting: keep those in use at hand.
        self._by_answer: dict[tuple[str, str], Counter] = {}
        self._by_route: dict[tuple[str, str], Histogram] = {}
        self._served: ServedModel | None = None

    def count_predictions(self, entries: Iterable[NewPrediction]) -> None:
        """Count answered rows. Predicted numbers are counted by version only."""
        counts: dict[tuple[str, str], int] = {}
        for entry in entries:
            key = (entry.version, entry.prediction if isinstance(entry.prediction, str) else "")
            counts[key] = counts.get(key, 0) + 1
        for key, n_rows in counts.items():
            counter = self._by_answer.get(key)
            if counter is None:
                counter = self._by_answer[key] = self._predictions.labels(*key)
            counter.inc(n_rows)

    def count_warnings(self, warnings: Sequence[Mapping[str, str]], columns: Collection[str]) -> None:
        """Count the warnings of one answered row. columns: the model's; names that clients make up count as one."""
        for warning in warnings:
            self._warnings.labels(warning["column"] if warning["column"] in columns else "(new)").inc()

    def count_gaps(self, names: Sequence[str], values: Sequence[CleanValue]) -> None:
        """Count the missing cells and unseen levels of a row. names: of the features, whose clean values these are."""
        for name, value in zip(names, values, strict=True):
            if value is None:
                self._missing.labels(name).inc()
            elif value == OTHER:
                self._unseen.labels(name).inc()

    def count_bad_cells(self, problems: Sequence[Mapping[str, Any]], columns: Collection[str]) -> None:
        """Count cells for which rows were refused. columns: as in count_warnings."""
        for problem in problems:
            if problem["column"] in columns:
                self._bad_cells.labels(problem["column"], problem["rule"]).inc()
            else:
                self._bad_cells.labels("(new)", "").inc()

    def count_seconds(self, route: str, model: ServedModel | None, seconds: float) -> None:
        """Count how long an answered request took."""
        version = "" if model is None else model.version
        found = self._by_route.get((route, version))
        if found is None:
            name = "" if model is None else model.name
            found = self._by_route[route, version] = self._seconds.labels(route, name, version)
        found.observe(seconds)

    def count_refusal(self, status: int) -> None:
        """Count a request that was not answered."""
        self._refusals.labels(str(status)).inc()

    def count_outcomes(self, result: str, number: int) -> None:
        """Count outcomes. result: recorded, already, corrected or unknown."""
        self._outcomes.labels(result).inc(number)

    def count_shadow(self, version: str, result: str, number: int = 1) -> None:
        """Count rows that a version which only listens was shown.

        result: same or different (its label), scored (its number), refused, failed, dropped (too much to do).
        """
        self._shadow.labels(version, result).inc(number)

    def count_canary(self, version: str, *, answered: int, passed_on: int) -> None:
        """Count rows that fell to the version with a share. passed_on: those that the champion had to answer."""
        for result, number in (("answered", answered), ("passed_on", passed_on)):
            if number:
                self._canary.labels(version, result).inc(number)

    def count_load(self, model: ServedModel | None, *, loaded: bool) -> None:
        """Count a release taken into service or refused, and name the one that answers now."""
        self._loads.labels("loaded" if loaded else "refused").inc()
        if self._served is not None:
            self._model.labels(self._served.name, self._served.version, self._served.release).set(0)
        if model is not None:
            self._model.labels(model.name, model.version, model.release).set(1)
            self._loaded_at.set(time.time())
            self._made_at.set(datetime.fromisoformat(model.scorer.manifest.created_at).timestamp())
            self._by_route.clear()  # of models that have gone
        self._served = model

    def page(self) -> bytes:
        """Return all counters as text; those of every worker together if there are several."""
        if SHARED_FOLDER not in os.environ:
            return generate_latest(self._registry)
        from prometheus_client.multiprocess import MultiProcessCollector

        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)
