"""The Open Inference Protocol, version 2, over REST: https://github.com/kserve/open-inference-protocol.

One input is one column of the table, one place of it one row.  The outputs are prediction, probability (or, for several
classes, probabilities), and id, by which the journal knows each answer.
"""

from __future__ import annotations

from typing import Any

import msgspec

import tenure
from tenure.prepare.recipe import ColumnRecipe, Recipe
from tenure.serve.champion import ServedModel
from tenure.serve.endpoint import Endpoint, Reply
from tenure.serve.limits import Headers, Receive, Refused, Scope, Send, decode_json, send_refusal
from tenure.serve.protocols.tensors import read_rows, write_tensor
from tenure.serve.scoring import Answer, answer_rows

_encode = msgspec.json.encode
PREFIX = "/v2"
_PLATFORM = "tenure_release"
_PROBLEMS_SHOWN = 20
# The length of the JSON part, where tensors follow it as bytes.
_JSON_LENGTH = b"inference-header-content-length"


class OpenInference(Endpoint):
    """The ASGI application behind /v2."""

    route = PREFIX

    async def answer(self, scope: Scope, receive: Receive, started: float) -> Reply:
        """Answer a question about the server, the model, or rows; raises Refused."""
        path = [part for part in scope["path"].removeprefix(scope.get("root_path", "")).split("/") if part][
            1:
        ]
        if path[:1] == ["models"] and path[-1:] == ["infer"]:
            model = self._model(path[1:-1])
            # who names a version gets that one
            return await self._infer(model, scope, receive, started, may_share="versions" not in path)
        if scope["method"] != "GET":
            raise Refused(405, f"{scope['method']} is not possible here", todo="use GET", allow="GET")
        return Reply(_encode(self._told(path)))

    async def refuse(self, send: Send, refused: Refused, headers: Headers) -> None:
        """{"error": text}, with all that is known in the one text; a bad row is a 400 here."""
        told = [f"row {p['row']}, {p['column']!r} {p['rule']}, got {p['value']}" for p in refused.problems]
        left = len(told) - _PROBLEMS_SHOWN
        told = [*told[:_PROBLEMS_SHOWN], *([f"and {left} more"] if left > 0 else [])]
        text = "; ".join([refused.what, *told]) + (f" ({refused.todo})" if refused.todo else "")
        status = 400 if refused.status == 422 else refused.status
        await send_refusal(send, refused, _encode({"error": text}), status=status, headers=headers)

    def _told(self, path: list[str]) -> dict[str, Any]:
        is_ready = self.service.champion.model is not None
        match path:
            case []:
                return {"name": "tenure", "version": tenure.__version__, "extensions": []}
            case ["health", "live"]:
                return {"live": True, "ready": is_ready}
            case ["health", "ready"]:
                if not is_ready:
                    # The protocol says 4xx for "not ready".
                    raise Refused(400, f"not ready: {self.service.champion.problem}")
                return {"live": True, "ready": True}
            case ["models", *named, "ready"]:
                return {"name": self._model(named).name, "ready": True}
            case ["models", *named]:
                return describe_model(self._model(named))
        raise Refused(404, f"there is nothing at /v2/{'/'.join(path)}", todo="GET /docs lists the routes")

    def _model(self, named: list[str]) -> ServedModel:
        """The model that answers now, if it is the one that is asked for."""
        model = self.service.model()
        match named:
            case [name] if name == model.name:
                return model
            case [name, "versions", version] if (name, version) == (model.name, model.version):
                return model
        raise Refused(
            404,
            f"the model {' '.join(named)!r} is not served here",
            todo=f"ask for {model.name!r}, version {model.version!r}",
        )

    async def _infer(
        self, model: ServedModel, scope: Scope, receive: Receive, started: float, *, may_share: bool
    ) -> Reply:
        service = self.service
        _, body = await service.guard.read_any(scope, receive)
        length = next((int(v) for n, v in scope["headers"] if n == _JSON_LENGTH and v.isdigit()), len(body))
        request = decode_json(body[:length])
        if type(request) is not dict:
            raise Refused(400, "the body must be an object with inputs")
        for key, kind, called in (("id", str, "a text"), ("parameters", dict, "an object")):
            if request.get(key) is not None and type(request[key]) is not kind:
                raise Refused(400, f"{key} must be {called}")
        asked = _asked_outputs(request)
        rows = read_rows(request.get("inputs"), body[length:], service.settings.max_rows)
        if not rows:
            raise Refused(400, "the inputs have no rows")
        model, answers = await answer_rows(service, rows, 0, started, may_share=may_share)
        outputs = _outputs(model, answers)
        if asked is not None:
            outputs = _chosen(outputs, asked)
        reply = {"model_name": model.name, "model_version": model.version, "outputs": outputs}
        if request.get("id") is not None:
            reply["id"] = request["id"]
        return Reply(_encode(reply))


def describe_model(model: ServedModel) -> dict[str, Any]:
    """The metadata of a model: what tensors it takes and gives."""
    recipe = model.scorer.recipe
    names = [] if recipe.id is None else [{"name": recipe.id, "datatype": "BYTES", "shape": [-1]}]
    columns = [{"name": c.name, "datatype": _datatype(c), "shape": [-1]} for c in recipe.inputs]
    return {
        "name": model.name,
        "versions": [model.version],
        "platform": _PLATFORM,
        "inputs": [*names, *columns],
        "outputs": _output_types(recipe),
    }


def _datatype(column: ColumnRecipe) -> str:
    if column.kind in ("number", "integer"):
        return "FP64"
    return "BYTES"


def _output_types(recipe: Recipe) -> list[dict[str, Any]]:
    target = recipe.target
    told = [("id", "BYTES", [-1])]
    if target.task == "regression":
        return [{"name": n, "datatype": d, "shape": s} for n, d, s in [("prediction", "FP64", [-1]), *told]]
    shape = [-1] if target.task == "binary" else [-1, len(target.classes)]
    chance = ("probability" if target.task == "binary" else "probabilities", "FP64", shape)
    return [
        {"name": n, "datatype": d, "shape": s} for n, d, s in [("prediction", "BYTES", [-1]), chance, *told]
    ]


def _outputs(model: ServedModel, answers: list[Answer]) -> list[dict[str, Any]]:
    target = model.scorer.recipe.target
    predictions = [answer["prediction"] for answer in answers]
    ids = write_tensor("id", "BYTES", [answer["id"] for answer in answers])
    if target.task == "regression":
        return [write_tensor("prediction", "FP64", predictions), ids]
    labels = write_tensor("prediction", "BYTES", predictions)
    if target.task == "binary":
        return [labels, write_tensor("probability", "FP64", [a["probability"] for a in answers]), ids]
    chances = [list(answer["probabilities"].values()) for answer in answers]
    return [labels, write_tensor("probabilities", "FP64", chances, len(target.classes)), ids]


def _asked_outputs(request: dict[str, Any]) -> list[str] | None:
    asked = request.get("outputs")
    if asked is None:
        return None
    if type(asked) is not list or any(type(o) is not dict or type(o.get("name")) is not str for o in asked):
        raise Refused(400, "outputs must be a list of objects with a name")
    return [output["name"] for output in asked]


def _chosen(outputs: list[dict[str, Any]], asked: list[str]) -> list[dict[str, Any]]:
    by_name = {output["name"]: output for output in outputs}
    unknown = [name for name in asked if name not in by_name]
    if unknown:
        raise Refused(400, f"there is no output {unknown[0]!r}; there are {', '.join(by_name)}")
    return [by_name[name] for name in asked] if asked else outputs
