"""audit/notes.yaml: what people have checked by hand, and which tests are not for this project."""

from __future__ import annotations

import datetime
from pathlib import Path

import yaml
from pydantic import Field, ValidationError, field_validator

from tenure.config.values import Strict
from tenure.errors import ConfigError, nearest_names
from tenure.project.audit.catalogue import TESTS

FILE = "audit/notes.yaml"
_KEYS = [test.key for test in TESTS]


def _known(key: str) -> str:
    if key not in _KEYS:
        hints = nearest_names([key], _KEYS)
        raise ValueError(f"there is no test {key!r}" + (f"; did you mean {hints[0]!r}?" if hints else ""))
    return key


class Note(Strict):
    """What a person did, when, and what came of it."""

    test: str
    date: datetime.date
    name: str = Field(min_length=1)
    text: str = Field(min_length=10)

    @field_validator("test")
    @classmethod
    def _names_a_test(cls, value: str) -> str:
        return _known(value)

    @field_validator("date")
    @classmethod
    def _has_been(cls, value: datetime.date) -> datetime.date:
        if value > datetime.date.today():
            raise ValueError(f"{value} is yet to come")
        return value


class Notes(Strict):
    """The whole file. not_applicable: test -> why it is not for this project."""

    notes: list[Note] = Field(default_factory=list)
    not_applicable: dict[str, str] = Field(default_factory=dict)

    @field_validator("not_applicable")
    @classmethod
    def _has_reasons(cls, value: dict[str, str]) -> dict[str, str]:
        for key, reason in value.items():
            _known(key)
            if len(reason.strip()) < 10:
                raise ValueError(f"{key} is set aside without a reason; say why it is not for this project")
        return value

    def of(self, key: str) -> Note | None:
        """The latest note on a test."""
        return max((note for note in self.notes if note.test == key), key=lambda n: n.date, default=None)


def read_notes(root: Path) -> Notes:
    """Read a project's notes; none where there is no file. Raises ConfigError naming the entry that is wrong."""
    path = root / FILE
    try:
        return Notes.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except FileNotFoundError:
        return Notes()
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise ConfigError(f"{place}: {first['msg']}", where=str(path), todo="see docs/audit.md") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"the notes cannot be read: {error}", where=str(path), todo="mend them") from error
