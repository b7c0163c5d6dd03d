"""Makes journal rows for tests."""

from __future__ import annotations

import json
from typing import Any

from tenure.journal.entries import NewPrediction
from tenure.journal.identifiers import new_id_and_time


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
