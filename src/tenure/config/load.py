"""Read tenure.yaml, and name every mistake in it with file, line, key and the nearest valid key."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from tenure.config.models import ProjectConfig
from tenure.errors import ConfigError, nearest_names

FILE_NAME = "tenure.yaml"


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
        raise explain_mistake(error, lines, where, ProjectConfig) from None
    config.remember_places({path: f"{where}, line {line}" for path, line in lines.items()})
    return config


def describe_idle_keys(config: ProjectConfig) -> list[str]:
    """Say which sections of the file are read and checked, but acted on only in a later version."""
    idle = [
        ("monitor.schedule", "schedule" in config.monitor.model_fields_set),
    ]
    return [f"{key} in tenure.yaml is not acted on in this version" for key, is_set in idle if is_set]


def config_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of tenure.yaml, for editors."""
    schema = ProjectConfig.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "tenure.yaml", **schema}


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


def key_lines(text: str, where: str) -> Lines:
    """The line of every key and list item of a YAML or JSON text. Raises ConfigError for a key that stands twice."""
    return dict(_walk(yaml.compose(text.replace("\t", " "), Loader=_Loader), (), where))


def explain_mistake(error: ValidationError, lines: Lines, where: str, model: type[BaseModel]) -> ConfigError:
    """Turn pydantic's first complaint into what, where, next; unknown keys first, they cause the others.

    lines: of the file that model was read from.
    """
    details = error.errors()
    detail = next((d for d in details if d["type"] == "extra_forbidden"), details[0])
    path = tuple(part for part in detail["loc"] if part in _keys_in(lines) or isinstance(part, int))
    dotted = ".".join(map(str, path)) or ".".join(map(str, detail["loc"]))
    place = f"{where}, line {_line_of(path, lines)}"
    if detail["type"] == "extra_forbidden":
        hints = nearest_names([str(path[-1])], valid_keys(model, path[:-1]))
        todo = (
            f"did you mean {hints[0]!r}?"
            if hints
            else f"valid keys here: {', '.join(valid_keys(model, path[:-1]))}"
        )
        return ConfigError(f"unknown key {dotted!r}", where=place, todo=todo)
    if detail["type"] == "missing":
        dotted = ".".join(map(str, detail["loc"]))
        return ConfigError(
            f"the key {dotted!r} is missing", where=place, todo=f"add {dotted.split('.')[-1]}: …"
        )
    if detail["type"] == "value_error":  # ours: says what came, unless that may be a secret
        problem = detail["ctx"]["error"]
        deeper = (*path, *getattr(problem, "path", ()))
        place = f"{where}, line {_line_of(deeper, lines)}"
        return ConfigError(
            f"{'.'.join(map(str, deeper)) or dotted}: {problem}", where=place, todo="correct the value"
        )
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


def valid_keys(model: type[BaseModel], path: tuple[Hashable, ...]) -> list[str]:
    """The keys that model knows at a path; [] where any key may stand."""
    here: Any = model
    for part in path:
        here = next(
            (found for kind in _alternatives(here) if (found := _below(kind, part)) is not None), None
        )
    models = [k for k in _alternatives(here) if isinstance(k, type) and issubclass(k, BaseModel)]
    return [field.alias or key for found in models for key, field in found.model_fields.items()]


def _alternatives(annotation: Any) -> list[Any]:
    """The annotation itself, or the members of a union."""
    is_union = get_origin(annotation) in (Union, UnionType)
    return [found for a in get_args(annotation) for found in _alternatives(a)] if is_union else [annotation]


def _below(annotation: Any, part: Hashable) -> Any:
    """The annotation of what stands under a key of a model, or of any key of a mapping or list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = annotation.model_fields.items()
        return next((field.annotation for key, field in fields if part in (key, field.alias)), None)
    return get_args(annotation)[-1] if get_origin(annotation) in (dict, list) else None
