"""What the user writes: tenure.yaml as strict models.

An unknown key, a wrong type or a value out of range is refused before any work starts, with the
file, the line, the key and the nearest valid key.
"""

from __future__ import annotations

import os
import re
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from tenure.errors import ConfigError, nearest_names

FILE_NAME = "tenure.yaml"

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_BYTES = {"B": 1, "kB": 1000, "KB": 1000, "MB": 1000**2, "GB": 1000**3}
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def parse_duration(value: Any) -> float:
    """Read a length of time such as "120s", "5m", "7d" into seconds; a bare number is seconds.

    >>> parse_duration("2m")
    120.0
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhdw]?)\s*", str(value))
    if not match:
        raise ValueError(f"a length of time such as 120s, 5m, 12h, 7d or 2w is expected, got {value!r}")
    return float(match[1]) * _SECONDS[match[2] or "s"]


def parse_size(value: Any) -> int:
    """Read a size such as "1MB" or "512kB" into bytes.

    >>> parse_size("1MB")
    1000000
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(B|kB|KB|MB|GB)\s*", str(value))
    if not match:
        raise ValueError(f"a size such as 512kB or 1MB is expected, got {value!r}")
    return int(float(match[1]) * _BYTES[match[2]])


Duration = Annotated[float, BeforeValidator(parse_duration, json_schema_input_type=str | float), Field(gt=0)]
Size = Annotated[int, BeforeValidator(parse_size, json_schema_input_type=str | int), Field(gt=0)]
Share = Annotated[float, Field(gt=0, lt=1)]
# YAML reads a bare 1 or true as a number or a boolean; a label is compared as text in the end
Label = Annotated[str, BeforeValidator(lambda value: value if value is None else _as_label(value))]


def _as_label(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataConfig(Strict):
    """Where the table is and what its special columns are."""

    source: str = Field(description="path, glob or address of the table; relative to this file")
    target: str = Field(description="the column to predict")
    positive: Label | None = Field(None, description="the class that `probability` speaks of")
    id: str | None = Field(None, description="the column that names a row; never a feature")
    time: str | None = Field(None, description="a date column; makes the split go by time")
    group: str | None = Field(None, description="rows of one group never straddle the split")
    tables: dict[str, Any] = Field(
        default_factory=dict, description="event tables joined as of the row's time"
    )
    exclude: list[str] | dict[str, str] = Field(
        default_factory=list, description="columns known to be unusable; a list, or column: reason"
    )
    delimiter: str | None = Field(
        None, min_length=1, max_length=1, description="of CSV files; null: comma, tab for .tsv"
    )
    task: Literal["binary", "multiclass", "regression"] | None = Field(
        None, description="null: inferred from the target"
    )

    @property
    def excluded(self) -> dict[str, str]:
        """Column to reason."""
        if isinstance(self.exclude, dict):
            return dict(self.exclude)
        return dict.fromkeys(self.exclude, "excluded in tenure.yaml")


class SplitConfig(Strict):
    """Shares of the rows; the rest is for training."""

    validation: Share = 0.2
    test: Share = 0.2
    seed: int = Field(0, ge=0, lt=2**32)

    @model_validator(mode="after")
    def _leaves_rows_to_learn_from(self) -> SplitConfig:
        if self.validation + self.test > 0.9:
            raise ValueError(
                f"validation {self.validation} and test {self.test} leave less than a tenth of the rows for training"
            )
        return self


Family = Literal["logistic", "forest", "xgboost", "lightgbm", "catboost"]
FAMILIES: list[Family] = ["logistic", "forest", "xgboost", "lightgbm", "catboost"]
Metric = Literal["roc_auc", "pr_auc", "log_loss", "brier", "accuracy", "f1", "rmse", "mae", "r2"]


class ModelConfig(Strict):
    """What is tried, for how long, and by which measure it is chosen."""

    candidates: list[Family] = Field(default_factory=FAMILIES.copy, min_length=1)
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
    threads: int | None = Field(None, ge=1, description="null: all cores")


class FairnessConfig(Strict):
    """Read and checked; acted on in a later version."""

    groups: list[str] = Field(default_factory=list)
    metric: Literal[
        "equal_opportunity_difference", "demographic_parity_difference", "equalized_odds_difference"
    ] = "equal_opportunity_difference"
    limit: Share = 0.1


class BusinessConfig(Strict):
    """Money, in one currency; what a review's decision is expected to be worth."""

    value_of_customer: float = Field(ge=0)
    cost_of_contact: float = Field(0.0, ge=0)
    cost_of_offer: float = Field(0.0, ge=0)
    success_rate: float = Field(1.0, ge=0, le=1)


class AuthConfig(Strict):
    """Who may call the service."""

    token: str = Field(description="a ${NAME} reference to an environment variable; never the secret itself")

    @field_validator("token")
    @classmethod
    def _is_reference(cls, value: str) -> str:
        if not _REFERENCE.fullmatch(value):
            raise ValueError("a secret is written as a ${NAME} reference to an environment variable")
        return value


class ServeConfig(Strict):
    """The HTTP service."""

    log: Literal["journal"] = "journal"
    auth: AuthConfig | None = None
    max_body: Size = Field(1_000_000, description="the largest request body")


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
    journal: str | None = None
    data_remote: str | None = None


class ProjectConfig(Strict):
    """The whole of tenure.yaml."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)
    data: DataConfig
    features: dict[str, str] = Field(
        default_factory=dict, description="name: SQL expression over the row's columns"
    )
    split: SplitConfig = SplitConfig()
    model: ModelConfig = ModelConfig()
    fairness: FairnessConfig | None = None
    business: BusinessConfig | None = None
    serve: ServeConfig = ServeConfig()
    monitor: MonitorConfig = MonitorConfig()
    retrain: RetrainConfig = RetrainConfig()
    store: StoreConfig = StoreConfig()


# keys of the file format whose engines are not in this version: refused rather than ignored
_NOT_YET = ("data.tables", "features", "store.journal", "store.data_remote")


def load_config(path: Path) -> ProjectConfig:
    """Read and check a tenure.yaml.

    Raises ConfigError naming file, line and key for anything that is wrong in it.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError("there is no tenure.yaml", where=str(path), todo="run `tenure init`") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the file cannot be read: {error}", where=str(path)) from error
    return parse_config(text, str(path))


def parse_config(text: str, where: str) -> ProjectConfig:
    """Check the text of a tenure.yaml; where: its name for messages.

    >>> parse_config("name: a\\ndata: {source: a.csv, taget: y}", "tenure.yaml")
    Traceback (most recent call last):
    ...
    tenure.errors.ConfigError: unknown key 'data.taget'
      where: tenure.yaml, line 2
      next:  did you mean 'target'?
    """
    document, lines = _read_yaml(text, where)
    try:
        config = ProjectConfig.model_validate(document)
    except ValidationError as error:
        raise _explain(error, lines, where) from None
    for key in _NOT_YET:
        if _value_at(config, key):
            raise ConfigError(
                f"{key!r} is not available in this version",
                where=f"{where}, line {_line_of(tuple(key.split('.')), lines)}",
                todo="remove the key, or leave it empty",
            )
    return config


def describe_idle_keys(config: ProjectConfig) -> list[str]:
    """Say which sections of the file are read and checked, but acted on only in a later version."""
    idle = [
        ("fairness", config.fairness is not None),
        ("monitor.schedule", "schedule" in config.monitor.model_fields_set),
    ]
    return [f"{key} in tenure.yaml is not acted on in this version" for key, is_set in idle if is_set]


def config_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of tenure.yaml, for editors."""
    schema = ProjectConfig.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "tenure.yaml", **schema}


def resolve_reference(reference: str, key: str) -> str:
    """Return the value of the environment variable that a ${NAME} reference speaks of."""
    match = _REFERENCE.fullmatch(reference)
    if not match:
        raise ConfigError(f"{key} must be a ${{NAME}} reference", todo="name an environment variable")
    value = os.environ.get(match[1])
    if not value:
        raise ConfigError(
            f"{key} refers to the environment variable {match[1]}, which is not set or empty",
            todo=f"export {match[1]}=…",
        )
    return value


Lines = dict[tuple[Hashable, ...], int]


class _Loader(yaml.SafeLoader):
    """YAML 1.2's booleans, true and false: a class that is called yes or no stays a word."""


_BOOLEAN = "tag:yaml.org,2002:bool"
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _BOOLEAN]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(_BOOLEAN, re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))


def _read_yaml(text: str, where: str) -> tuple[Any, Lines]:
    try:
        node = yaml.compose(text, Loader=_Loader)
        document = yaml.load(text, Loader=_Loader)  # a SafeLoader underneath
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise ConfigError(
            f"not valid YAML: {problem}", where=f"{where}{line}", todo="mend the syntax"
        ) from error
    if not isinstance(document, dict):
        raise ConfigError("a mapping of keys is expected", where=where, todo="start from `tenure init`")
    return document, dict(_walk(node, (), where))


def _walk(
    node: yaml.Node | None, path: tuple[Hashable, ...], where: str
) -> Iterator[tuple[tuple[Hashable, ...], int]]:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.value in seen:
                raise ConfigError(
                    f"the key {'.'.join(map(str, (*path, key.value)))!r} stands twice",
                    where=f"{where}, line {line}",
                    todo="keep one of them",
                )
            seen.add(key.value)
            yield (*path, key.value), line
            yield from _walk(value, (*path, key.value), where)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield (*path, index), item.start_mark.line + 1
            yield from _walk(item, (*path, index), where)


def _explain(error: ValidationError, lines: Lines, where: str) -> ConfigError:
    """Turn pydantic's first complaint into what, where, next; unknown keys first, they cause the others."""
    details = error.errors()
    detail = next((d for d in details if d["type"] == "extra_forbidden"), details[0])
    path = tuple(part for part in detail["loc"] if part in _keys_in(lines) or isinstance(part, int))
    dotted = ".".join(map(str, path)) or ".".join(map(str, detail["loc"]))
    place = f"{where}, line {_line_of(path, lines)}"
    if detail["type"] == "extra_forbidden":
        hints = nearest_names([str(path[-1])], _valid_keys(path[:-1]))
        todo = (
            f"did you mean {hints[0]!r}?"
            if hints
            else f"valid keys here: {', '.join(_valid_keys(path[:-1]))}"
        )
        return ConfigError(f"unknown key {dotted!r}", where=place, todo=todo)
    if detail["type"] == "missing":
        dotted = ".".join(map(str, detail["loc"]))
        return ConfigError(
            f"the key {dotted!r} is missing", where=place, todo=f"add {dotted.split('.')[-1]}: …"
        )
    if detail["type"] == "value_error":  # ours: says what came, unless that may be a secret
        return ConfigError(f"{dotted}: {detail['ctx']['error']}", where=place, todo="correct the value")
    message = f"{dotted}: {detail['msg'].lower()}, got {detail['input']!r}"
    hints = nearest_names(
        [str(detail["input"])], re.findall(r"'([^']+)'", detail.get("ctx", {}).get("expected", ""))
    )
    todo = f"did you mean {hints[0]!r}?" if hints else "correct the value"
    if detail["type"] in ("list_type", "tuple_type"):
        todo = f"write a list: [{detail['input']}]"
    return ConfigError(message, where=place, todo=todo)


def _keys_in(lines: Lines) -> set[Hashable]:
    """Every key that stands in the file: pydantic's paths also hold names of union branches, which do not."""
    return {part for path in lines for part in path}


def _line_of(path: tuple[Hashable, ...], lines: Lines) -> int:
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def _valid_keys(path: tuple[Hashable, ...]) -> list[str]:
    model: Any = ProjectConfig
    for part in path:
        field = model.model_fields.get(part)
        if field is None:
            return []
        arguments = [field.annotation, *getattr(field.annotation, "__args__", ())]
        model = next((a for a in arguments if isinstance(a, type) and issubclass(a, BaseModel)), None)
        if model is None:
            return []
    return list(model.model_fields)


def _value_at(config: ProjectConfig, dotted: str) -> Any:
    value: Any = config
    for part in dotted.split("."):
        value = getattr(value, part)
    return value
