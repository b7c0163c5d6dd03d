"""What Vertex AI asks of a container: routes and port named by the environment, instances in, predictions out.

Source: "Custom container requirements for inference" of Google's documentation.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from tenure.serve.endpoint import Endpoint, Reply
from tenure.serve.limits import Receive, Refused, Scope, decode_json
from tenure.serve.predict import rows_of
from tenure.serve.scoring import answer_rows

_encode = msgspec.json.encode


@dataclass(frozen=True, slots=True)
class VertexRoutes:
    """Where Vertex AI looks; None for what the environment does not name."""

    health: str | None = None
    predict: str | None = None
    port: int | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> VertexRoutes:
        """Read AIP_HEALTH_ROUTE, AIP_PREDICT_ROUTE and AIP_HTTP_PORT.

        >>> VertexRoutes.from_environment({"AIP_HTTP_PORT": "8080"}).port
        8080
        """
        port = environment.get("AIP_HTTP_PORT", "")
        return cls(
            environment.get("AIP_HEALTH_ROUTE"),
            environment.get("AIP_PREDICT_ROUTE"),
            int(port) if port.isdigit() else None,
        )


class VertexPredict(Endpoint):
    """The ASGI application behind AIP_PREDICT_ROUTE: {"instances": [row, ...], "parameters": {"explain": N}}."""

    route = "vertex"

    async def answer(self, scope: Scope, receive: Receive, started: float) -> Reply:
        """Answer the instances; raises Refused."""
        service = self.service
        value = decode_json(await service.guard.read(scope, receive))
        if type(value) is not dict or type(value.get("instances")) is not list:
            raise Refused(422, 'the body must be {"instances": [{column: value, ...}, ...]}')
        rows = rows_of(value["instances"], service.settings.max_rows)
        model, answers = await answer_rows(
            service,
            rows,
            _n_reasons(value.get("parameters")),
            started,
            skip=service.settings.skip_bad_rows,
        )
        return Reply(_encode({"predictions": answers, "modelVersionId": model.version}))


def _n_reasons(parameters: Any) -> int:
    number = parameters.get("explain", 0) if type(parameters) is dict else 0
    if type(number) is not int or number < 0:
        raise Refused(422, f"parameters.explain is {number!r}, not a whole number")
    return number
