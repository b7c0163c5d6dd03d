"""JSON data that carry their own hash, so that a later edit of them is seen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

KEY = "sha256"


def with_digest(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body with the SHA-256 of all the rest of it under `sha256`.

    >>> is_genuine(with_digest({"a": 1})), is_genuine({**with_digest({"a": 1}), "a": 2}), is_genuine({"a": 1})
    (True, False, False)
    """
    rest = {key: value for key, value in body.items() if key != KEY}
    return {**rest, KEY: digest(rest)}


def is_genuine(body: Mapping[str, Any]) -> bool:
    """Whether a body is as `with_digest` made it."""
    return body.get(KEY) == digest({key: value for key, value in body.items() if key != KEY})


def digest(body: Mapping[str, Any]) -> str:
    """SHA-256 of JSON data, written with sorted keys and without spaces."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
