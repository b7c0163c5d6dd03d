"""The kinds of values that tenure.yaml holds: lengths of time, sizes, shares, labels, references to secrets."""

from __future__ import annotations

import os
import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from tenure.errors import ConfigError

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_BYTES = {"B": 1, "kB": 1000, "KB": 1000, "MB": 1000**2, "GB": 1000**3}
REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


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


def parse_latency(value: Any) -> float:
    """Read a short time such as "80us" or "2ms" into seconds.

    >>> parse_latency("2ms")
    0.002
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(us|µs|ms)\s*", str(value))
    if match:
        return float(match[1]) * {"us": 1e-6, "µs": 1e-6, "ms": 1e-3}[match[2]]
    if isinstance(value, float):  # seconds, as a config that was read before has them
        return value
    raise ValueError(f"a short time such as 80us or 2ms is expected, got {value!r}")


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
Latency = Annotated[float, BeforeValidator(parse_latency, json_schema_input_type=str), Field(gt=0, lt=1)]
Size = Annotated[int, BeforeValidator(parse_size, json_schema_input_type=str | int), Field(gt=0)]
Share = Annotated[float, Field(gt=0, lt=1)]
# YAML reads a bare 1 or true as a number or a boolean; a label is compared as text in the end
Label = Annotated[str, BeforeValidator(lambda value: value if value is None else _as_label(value))]


def _as_label(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


class Misplaced(ValueError):
    """A mistake further down than the model that finds it. path: the keys that lead there from that model."""

    def __init__(self, message: str, *path: str) -> None:
        self.path = path
        super().__init__(message)


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def resolve_reference(reference: str, key: str) -> str:
    """Return the value of the environment variable that a ${NAME} reference speaks of."""
    match = REFERENCE.fullmatch(reference)
    if not match:
        raise ConfigError(f"{key} must be a ${{NAME}} reference", todo="name an environment variable")
    value = os.environ.get(match[1])
    if not value:
        raise ConfigError(
            f"{key} refers to the environment variable {match[1]}, which is not set or empty",
            todo=f"export {match[1]}=…",
        )
    return value
