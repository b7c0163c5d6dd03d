"""What the user writes: tenure.yaml as strict models."""

from __future__ import annotations

import os
import re
from collections.abc import Hashable, Mapping
from typing import Annotated, Literal
from urllib.parse import parse_qs, urlsplit

from pydantic import Field, PrivateAttr, field_validator, model_validator

from tenure.config.candidates import FAMILIES, CandidateName
from tenure.config.checks import ChecksConfig
from tenure.config.data import DataConfig
from tenure.config.explain import ExplainConfig
from tenure.config.fairness import FairnessConfig
from tenure.config.features import Name
from tenure.config.leakage import LeakageConfig
from tenure.config.values import REFERENCE, Duration, Label, Latency, Share, Size, Strict


class SplitConfig(Strict):
    """Shares of the rows; the rest is for training."""

    validation: Share = 0.2
    test: Share = 0.2
    seed: int = Field(0, ge=0, lt=2**32)
    panel: Literal["keep", "strict"] | None = Field(
        None,
        description="groups with rows at many times. keep: only test groups lose rows, the early ones; strict: no row "
        "that is trained on is as late as a test row; null: keep with data.cutoffs, else strict",
    )

    @model_validator(mode="after")
    def _leaves_rows_to_learn_from(self) -> SplitConfig:
        if self.validation + self.test > 0.9:
            raise ValueError(
                f"validation {self.validation} and test {self.test} leave less than a tenth of the rows for training"
            )
        return self


Metric = Literal["roc_auc", "pr_auc", "log_loss", "brier", "accuracy", "f1", "rmse", "mae", "r2"]


class ModelConfig(Strict):
    """What is tried, for how long, and by which measure it is chosen."""

    candidates: list[CandidateName] = Field(
        default_factory=FAMILIES.copy,
        min_length=1,
        description="families, installed plug-ins, or package.module:Name",
    )
    metric: Metric | None = Field(
        None, description="null: roc_auc for two classes, log_loss for more, rmse for a number"
    )
    budget: Duration = Field(120.0, description="wall time of tuning and fitting")
    trials: int | None = Field(
        None,
        ge=1,
        description="try so many settings, whatever the clock says: the same search on any machine",
    )
    threshold: Literal["f1", "mcc", "accuracy"] | Annotated[float, Field(ge=0, le=1)] = Field(
        "f1", description="what the decision threshold maximises, or the threshold itself"
    )
    latency: Latency = Field(80e-6, description="what a blend may take for one row")
    threads: int | None = Field(None, ge=1, description="null: all cores")
    class_weight: (
        Literal["balanced"] | dict[Label, Annotated[float, Field(gt=0, allow_inf_nan=False)]] | None
    ) = Field(None, description="how much the fits mind each class; probabilities stay those of the data")
    monotone: dict[Label, Literal["increasing", "decreasing"]] = Field(
        default_factory=dict, description="column: the way that the score may go as it rises"
    )
    interactions: list[Annotated[list[Label], Field(min_length=1)]] = Field(
        default_factory=list, description="groups of columns that may act together; the rest form one more"
    )
    coverage: float | None = Field(
        0.9,
        ge=0.5,
        lt=1,
        description="the chance that the interval around a number, or the set of several classes, holds the outcome; "
        "null: neither",
    )
    generate_features: bool = Field(
        True,
        description="whether ratios, ages and the like are proposed, and kept where they earn their place",
    )

    @property
    def n_threads(self) -> int:
        """How many threads training computes with."""
        return self.threads or os.cpu_count() or 1


class BusinessConfig(Strict):
    """Money, in one currency; what a review's decision is expected to be worth."""

    value_of_customer: float = Field(ge=0)
    cost_of_contact: float = Field(0.0, ge=0)
    cost_of_offer: float = Field(0.0, ge=0)
    success_rate: float = Field(1.0, ge=0, le=1)


class AuthConfig(Strict):
    """Who may call the service."""

    token: str = Field(description="a ${NAME} reference to an environment variable; never the secret itself")
    also: list[str] = Field(
        [], description="references to other tokens that are taken, while one is replaced"
    )

    @field_validator("token", "also")
    @classmethod
    def _is_reference(cls, value: str | list[str]) -> str | list[str]:
        if not all(REFERENCE.fullmatch(one) for one in ([value] if isinstance(value, str) else value)):
            raise ValueError("a secret is written as a ${NAME} reference to an environment variable")
        return value


class TlsConfig(Strict):
    """Encryption of the service's own; leave it out behind a proxy that has it."""

    certificate: str = Field(description="path of a PEM file: the certificate, and those that vouch for it")
    key: str = Field(description="path of a PEM file: the private key")


class PersonalConfig(Strict):
    """Columns of rows that the journal must not hold as they are. None that the model reads, or that names the rows."""

    leave_out: list[str] = Field([], description="columns that are not kept")
    hash: list[str] = Field([], description="columns of which a keyed hash is kept: equal values stay equal")
    key: str | None = Field(None, description="a ${NAME} reference to the secret of the hash")

    @model_validator(mode="after")
    def _has_a_key(self) -> PersonalConfig:
        if self.hash and (self.key is None or not REFERENCE.fullmatch(self.key)):
            raise ValueError("hash needs a key: a ${NAME} reference to an environment variable")
        return self


class CanaryConfig(Strict):
    """A version that answers a share of the rows; whatever it cannot answer, the champion answers."""

    version: str = Field(description="a version, or challenger; as it is when the service starts")
    share: Share = Field(description="of the rows, by a hash of their id: a row stays with one version")


class ServeConfig(Strict):
    """The HTTP service."""

    log: Literal["journal", "relaxed"] = Field(
        "journal",
        description="journal: a prediction is on disk before its answer; relaxed: soon after, see docs/service.md",
    )
    auth: AuthConfig | None = None
    tls: TlsConfig | None = None
    personal: PersonalConfig = PersonalConfig()
    shadow: str | None = Field(
        None,
        description="a version, or challenger, that listens: it scores what the champion has answered; null: none",
    )
    canary: CanaryConfig | None = None
    archive_after: Duration | None = Field(
        None,
        description="`tenure archive` moves whole days of the journal older than this into files; null: none",
    )
    keep_for: Duration | None = Field(
        None, description="`tenure archive` deletes whole days of the journal older than this; null: none"
    )
    max_body: Size = Field(1_000_000, description="the largest request body")
    max_rows: int = Field(10_000, ge=1, description="the most rows of a request")
    max_waiting: int = Field(1000, ge=1, description="requests that may wait for the disk; more get a 503")
    max_delay: Latency = Field(
        0.05, description="a request that has waited so long for others when its turn comes gets a 503"
    )
    max_upload: Size = Field(1_000_000_000, description="the largest table that /batch takes")
    patience: Duration = Field(10.0, description="how long a client may take to send a request's body")
    bad_rows: Literal["refuse", "skip"] = Field(
        "refuse", description="refuse: one bad row refuses its request; skip: the good rows are answered"
    )
    logs: Literal["text", "json"] = Field(
        "text", description="lines for a person, or JSON, one object a line"
    )
    traces: bool = Field(
        False, description="a span for each request, to the collector that OTEL_EXPORTER_OTLP_ENDPOINT names"
    )

    @model_validator(mode="after")
    def _keeps_what_it_moves(self) -> ServeConfig:
        if (
            self.keep_for is not None
            and self.archive_after is not None
            and self.keep_for <= self.archive_after
        ):
            raise ValueError("keep_for is not longer than archive_after: days would be deleted, never moved")
        return self


class MonitorConfig(Strict):
    """What is compared, over which rows, and how often it may cry wolf."""

    window: Duration = Field(604800.0, description="how far back the live rows go")
    label_delay: Duration = Field(2592000.0, description="how long an outcome takes to arrive")
    false_alarms: Share = Field(
        0.05, description="chance that a check raises any drift alarm when nothing changed"
    )
    schedule: str = "0 6 * * *"


Alarm = Literal["drift", "performance", "age"]
ALARMS: list[Alarm] = ["drift", "performance", "age"]


class RetrainConfig(Strict):
    """When a challenger is trained and whether it is promoted without a person."""

    when: list[Alarm] = Field(default_factory=ALARMS.copy)
    promote: Literal["automatic", "manual"] = "automatic"
    age: Duration = Field(7776000.0, description="a champion older than this is due for retraining")


class StoreConfig(Strict):
    """Engines for when the embedded ones are outgrown; null: embedded."""

    registry: str | None = Field(None, description="address of an MLflow server or store")
    journal: str | None = Field(
        None, description="address of a PostgreSQL database: postgresql://user:${NAME}@host:5432/database"
    )
    data_remote: str | None = Field(
        None, description="where `dvc push` puts data versions: a path, s3://…, gs://…, azure://…, ssh://…"
    )

    @field_validator("journal")
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in ("postgresql", "postgres"):
            raise ValueError("an address that begins with postgresql:// is expected")
        given = [parts.password or "", *parse_qs(parts.query).get("password", [])]
        if not all(not secret or REFERENCE.fullmatch(secret) for secret in given):
            raise ValueError("the password is written as a ${NAME} reference to an environment variable")
        return value

    @field_validator("data_remote")
    @classmethod
    def _holds_no_secret(cls, value: str | None) -> str | None:
        if value is not None and (REFERENCE.search(value) or re.search(r"://[^/@]*:[^/@]*@", value)):
            raise ValueError(
                "DVC keeps the address in a file of the project: leave the secret out of it, and give it to DVC "
                "(`dvc remote modify --local tenure password …`, or the store's own environment variables)"
            )
        return value


class ProjectConfig(Strict):
    """The whole of tenure.yaml."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)
    intended_use: str | None = Field(None, description="what the model is for, and what not; for its card")
    data: DataConfig
    features: dict[Name, str] = Field(
        default_factory=dict, description="name: SQL expression over the row's columns"
    )
    split: SplitConfig = SplitConfig()
    leakage: LeakageConfig = LeakageConfig()
    model: ModelConfig = ModelConfig()
    checks: ChecksConfig = ChecksConfig()
    slices: list[str] = Field(
        default_factory=list, description="columns, or SQL conditions, whose rows are measured apart"
    )
    explain: ExplainConfig = ExplainConfig()
    fairness: FairnessConfig | None = None
    business: BusinessConfig | None = None
    serve: ServeConfig = ServeConfig()
    monitor: MonitorConfig = MonitorConfig()
    retrain: RetrainConfig = RetrainConfig()
    store: StoreConfig = StoreConfig()
    _places: dict[tuple[Hashable, ...], str] = PrivateAttr(default_factory=dict)

    @property
    def strict_split(self) -> bool:
        """Whether every row trained on is earlier than every test row, where there are groups and times."""
        return (self.split.panel or ("keep" if self.data.cutoffs else "strict")) == "strict"

    def place(self, *path: Hashable) -> str:
        """Where a key stands, for messages: file and line where they are known, and the key."""
        key = ".".join(map(str, path))
        return f"{self._places[path]}, {key}" if path in self._places else key

    def remember_places(self, places: Mapping[tuple[Hashable, ...], str]) -> None:
        """Keep where each key stands in the file that this was read from."""
        self._places.update(places)
