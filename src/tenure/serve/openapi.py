"""The OpenAPI document of a service, with the columns of the very model it answers with."""

from __future__ import annotations

from tenure.prepare.recipe import Recipe, TargetRecipe
from tenure.release.schema import row_schema
from tenure.serve.champion import ServedModel
from tenure.serve.json_schema import STRING, Json, object_of, ref
from tenure.serve.protocols.documented import batch_paths, protocol_paths, protocol_schemas

_NUMBER: Json = {"type": "number"}
_ROW_ID: Json = {"type": ["string", "number", "null"]}
_COUNT: Json = {"type": "integer", "minimum": 0}


def openapi_document(
    title: str, version: str, model: ServedModel | None, *, has_token: bool, skips_bad_rows: bool = False
) -> Json:
    """Return the OpenAPI 3.1 document; without a model, of rows with any columns."""
    recipe = model.scorer.recipe if model else None
    document: Json = {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version, "description": _description(model)},
        "paths": {
            "/predict": {"post": _predict(model)},
            "/explain": {"post": _explain(model)},
            "/outcomes": {"post": _outcomes(recipe)},
            **batch_paths(),
            "/livez": {"get": _get("The process is up.")},
            "/readyz": {
                "get": _get("A model is loaded, warm, and its golden rows score as at release.", 503)
            },
            "/metrics": {"get": _get("Counters in the Prometheus text format.", media="text/plain")},
            **protocol_paths(model),
        },
        "components": {"schemas": {**_schemas(model, skips_bad_rows), **protocol_schemas()}},
    }
    if has_token:
        document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        for name, path in document["paths"].items():
            for method, operation in path.items():
                if method == "post" or name.startswith("/batch"):
                    operation["security"] = [{"token": []}]
    return document


def _description(model: ServedModel | None) -> str:
    if model is None:
        return "No model is loaded yet."
    target = model.scorer.recipe.target
    return f"Model {model.name}, version {model.version}, release {model.release}: {_question(target)}."


def _question(target: TargetRecipe) -> str:
    if target.task == "regression":
        return f"predicts the number {target.name}"
    if target.task == "binary":
        return f"predicts {target.name}, and the probability that it is {target.positive}"
    return f"predicts {target.name}, one of {', '.join(target.classes)}"


def _predict(model: ServedModel | None) -> Json:
    row: Json = ref("Row")
    body: Json = {"schema": {"oneOf": [row, {"type": "array", "items": row, "minItems": 1}]}}
    if model is not None:
        body["example"] = model.example
    return {
        "summary": "Predict one row, or a list of rows.",
        "operationId": "predict",
        "parameters": [
            {
                "name": "explain",
                "in": "query",
                "description": "the largest effects to give; with base and rest they sum to the score",
                "schema": {"type": "integer", "minimum": 0, "default": 0},
            }
        ],
        "requestBody": {"required": True, "content": {"application/json": body}},
        "responses": _responses(ref("Predictions"), "Each prediction is in the journal by its id."),
    }


def _explain(model: ServedModel | None) -> Json:
    return {
        **_predict(model),
        "summary": "Predict, and give every column's effect on the score; fewer with ?explain=N.",
        "operationId": "explain",
    }


def _outcomes(recipe: Recipe | None) -> Json:
    items: Json = {"type": "array", "items": ref("Outcome"), "minItems": 1}
    return {
        "summary": "Give true labels that arrived later. Giving one again changes nothing.",
        "operationId": "outcomes",
        "requestBody": {"required": True, "content": {"application/json": {"schema": items}}},
        "responses": _responses(ref("OutcomeReport"), "What became of each."),
    }


def _responses(schema: Json, description: str) -> Json:
    refused = {"content": {"application/json": {"schema": ref("Refusal")}}}
    reasons = {
        "400": "not JSON",
        "401": "the token is missing or wrong",
        "408": "the body did not arrive in time",
        "413": "too large",
        "415": "not application/json",
        "422": "bad cells, each named; nothing was done",
        "503": "too many requests at once, no model yet, or the journal cannot be written",
    }
    return {
        "200": {"description": description, "content": {"application/json": {"schema": schema}}},
        **{status: {"description": reason, **refused} for status, reason in reasons.items()},
    }


def _get(summary: str, *more: int, media: str = "application/json") -> Json:
    answer: Json = {"description": summary, "content": {media: {"schema": {}}}}
    return {
        "summary": summary,
        "responses": {"200": answer, **{str(status): {"description": "not yet"} for status in more}},
    }


def _schemas(model: ServedModel | None, skips_bad_rows: bool) -> Json:
    row: Json = {"type": "object"}
    recipe = model.scorer.recipe if model else None
    if model is not None:
        found = row_schema(model.scorer.recipe, model.scorer.schema, model.scorer.beside)
        row = {name: part for name, part in found.items() if name != "$schema"}
    return {
        "Row": row,
        "Predictions": object_of(
            model=object_of(name=STRING, version=STRING),
            predictions={
                "type": "array",
                "items": {"anyOf": [ref("Prediction"), ref("BadRow")]}
                if skips_bad_rows
                else ref("Prediction"),
            },
        ),
        "BadRow": object_of(problems=_PROBLEMS),
        "Prediction": _prediction(recipe),
        "Reason": object_of(column=STRING, value={}, effect=_NUMBER, text=STRING),
        "Warning": object_of(column=STRING, rule=STRING, value=STRING),
        "Outcome": _outcome(recipe),
        "OutcomeReport": object_of(
            recorded=_COUNT, already=_COUNT, corrected=_COUNT, unknown={"type": "array", "items": STRING}
        ),
        "Refusal": {
            **object_of(
                error=STRING,
                next=STRING,
                problems=_PROBLEMS,
            ),
            "required": ["error"],
        },
    }


def _prediction(recipe: Recipe | None) -> Json:
    parts: Json = {"id": STRING, "prediction": _label(recipe)}
    optional: Json = {
        "score": _NUMBER,
        "base": _NUMBER,
        "rest": _NUMBER,
        "reasons": {"type": "array", "items": ref("Reason")},
        "warnings": {"type": "array", "items": ref("Warning"), "description": "absent when there are none"},
        "version": {**STRING, "description": "of the model, where it is not the champion that answered"},
    }
    if recipe is None or recipe.target.task != "regression":
        parts["probability"] = {"type": "number", "minimum": 0, "maximum": 1}
    else:
        optional["interval"] = object_of(low=_NUMBER, high=_NUMBER)
    if recipe is not None and recipe.target.task == "multiclass":
        parts["probabilities"] = object_of(**dict.fromkeys(recipe.target.classes, _NUMBER))
        optional["set"] = {
            "type": "array",
            "items": _label(recipe),
            "description": "holds the outcome with the chance of model.coverage",
        }
    return {"type": "object", "properties": {**parts, **optional}, "required": list(parts)}


def _outcome(recipe: Recipe | None) -> Json:
    names: Json = {
        "id": {**_ROW_ID, "description": "of the prediction"},
        "row_id": dict(_ROW_ID),
    }
    if recipe is not None and recipe.id is not None:
        names.setdefault(recipe.id, {**_ROW_ID, "description": "of the row, as in the data"})
    return {
        "type": "object",
        "properties": {**names, "outcome": _label(recipe)},
        "required": ["outcome"],
        "additionalProperties": False,
        "anyOf": [{"required": [name]} for name in names],
    }


def _label(recipe: Recipe | None) -> Json:
    if recipe is None:
        return {}
    return dict(_NUMBER) if recipe.target.task == "regression" else {"enum": list(recipe.target.classes)}


_PROBLEMS: Json = {
    "type": "array",
    "items": object_of(row=_COUNT, column=STRING, rule=STRING, value=STRING),
}
