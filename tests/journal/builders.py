"""Makes journal rows for tests."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

from tenure.journal.entries import NewPrediction
from tenure.journal.identifiers import new_id_and_time
from tenure.journal.place import Address, Place


def make_prediction(row_id: str | None = None, **changes: Any) -> NewPrediction:
    identifier, at = new_id_and_time()
    plain = NewPrediction(
        id=identifier,
        row_id=row_id,
        at=at,
        model="telco",
        version="1",
        release="abc",
        input=json.dumps({"tenure": 3, "charges": 0.1 + 0.2}),
        prediction="Yes",
        probability=0.75,
        margins="[1.0986122886681098]",
        probabilities=None,
        seconds=0.001,
    )
    return plain._replace(**changes)


def schema_of_its_own(server: str, days: Path) -> Address:
    """An empty schema of a PostgreSQL server, as the place of a journal."""
    import psycopg

    name = f"t{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
    url = f"{server}?options=-csearch_path%3D{name}"
    return Address(url, "postgresql://…", days)


def to_text(place: Place) -> str:
    """A place as an argument of another process; see place_of."""
    return f"{place.url} {place.days}" if isinstance(place, Address) else str(place)


def place_of(text: str) -> Place:
    url, _, days = text.partition(" ")
    return Address(url, "postgresql://…", Path(days)) if days else Path(text)
