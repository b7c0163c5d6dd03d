"""Whether a piece of work would come out as it did before: its inputs, its settings and the code, by hash."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import tenure


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Everything that decides what comes out of a piece of work.

    inputs: name -> SHA-256, such as {"data/telco.csv": "…"}.  settings: JSON data of tenure.yaml, nested at will.
    code: what code_digest says.
    """

    inputs: Mapping[str, str]
    settings: Mapping[str, Any]
    code: str

    def to_dict(self) -> dict[str, Any]:
        """JSON data; `Fingerprint(**data)` gives an equal one back."""
        return {"inputs": dict(self.inputs), "settings": dict(self.settings), "code": self.code}


def what_changed(before: Fingerprint, now: Fingerprint) -> list[str]:
    """Say each thing that differs, the source first; empty when the work would come out the same.

    >>> before = Fingerprint({"a.csv": "12"}, {"data": {"exclude": []}}, "0.1")
    >>> what_changed(before, Fingerprint({"a.csv": "12"}, {"data": {"exclude": ["x"]}}, "0.1"))
    ["data.exclude changed from [] to ['x']"]
    """
    changes = [_input_change(name, before.inputs, now.inputs) for name in (*before.inputs, *now.inputs)]
    then, new = dict(_flat(before.settings)), dict(_flat(now.settings))
    for key in dict.fromkeys([*then, *new]):
        if then.get(key) != new.get(key):
            changes.append(f"{key} changed from {_shown(then.get(key))} to {_shown(new.get(key))}")
    if before.code != now.code:
        changes.append("the code changed (tenure, or a library it computes with)")
    return list(dict.fromkeys(change for change in changes if change))


@lru_cache
def code_digest(parts: tuple[str, ...], libraries: tuple[str, ...]) -> str:
    """The version of tenure, and a digest of its own source under these parts and of the libraries' versions.

    parts: packages or modules inside tenure, such as "prepare".  libraries: names of distributions; one that is
    not installed counts as such.
    """
    root = Path(tenure.__file__).parent
    digest = hashlib.sha256()
    for part in parts:
        place = root / part
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]:
            digest.update(f"{path.relative_to(root)}\n".encode() + path.read_bytes())
    for library in libraries:
        digest.update(f"{library} {_version(library)}\n".encode())
    return f"{tenure.__version__}+{digest.hexdigest()[:12]}"


def _version(library: str) -> str:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _input_change(name: str, before: Mapping[str, str], now: Mapping[str, str]) -> str | None:
    if name not in now:
        return f"{name} is no longer read"
    if name not in before:
        return f"{name} is read now"
    return None if before[name] == now[name] else f"{name} changed"


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in settings.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield (
                f"{prefix}{key}",
                list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value,
            )


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
