"""The routes of other protocols and of /batch in the OpenAPI document, with examples made of a real row."""

from __future__ import annotations

from tenure.serve.champion import ServedModel
from tenure.serve.json_schema import STRING, Json, object_of, ref
from tenure.serve.protocols.open_inference import PREFIX, describe_model
from tenure.serve.protocols.tensors import DATATYPES

_TRUTH: Json = {"type": "boolean"}
_REFUSED = {
    "400": "the request, or a row, is not as it must be",
    "401": "the token is missing or wrong",
    "408": "the body did not arrive in time",
    "413": "too large",
    "503": "too many requests at once, no model yet, or the journal cannot be written",
}


def protocol_paths(model: ServedModel | None) -> Json:
    """The paths of the Open Inference Protocol, of MLflow and of SageMaker."""
    name = model.name if model else "model"
    version = model.version if model else "1"
    paths: Json = {
        "/invocations": {"post": _invocations(model)},
        "/ping": {"get": _ping("A model is loaded (MLflow, SageMaker).")},
        "/health": {"get": _ping("The same as /ping.")},
        "/version": {"get": _get("The version of tenure.", STRING, media="text/plain")},
        PREFIX: {"get": _get("The server (Open Inference Protocol).", ref("ServerMetadata"))},
        f"{PREFIX}/health/live": {"get": _get("The process is up.", ref("Health"))},
        f"{PREFIX}/health/ready": {
            "get": _get("A model is loaded.", ref("Health"), {"400": "not ready"}, "OpenInferenceError")
        },
    }
    for base, known in (
        (f"{PREFIX}/models/{{model}}", [("model", name)]),
        (f"{PREFIX}/models/{{model}}/versions/{{version}}", [("model", name), ("version", version)]),
    ):
        places = [
            {"name": key, "in": "path", "required": True, "schema": STRING, "example": value}
            for key, value in known
        ]
        other = {"404": "another model than this", "503": "no model yet"}
        told = _get("The model's tensors.", ref("ModelMetadata"), other, "OpenInferenceError")
        paths[base] = {"get": {**told, "parameters": places}}
        told = _get("The model is loaded.", object_of(name=STRING, ready=_TRUTH), other, "OpenInferenceError")
        paths[f"{base}/ready"] = {"get": {**told, "parameters": places}}
        paths[f"{base}/infer"] = {"post": {**_infer(model), "parameters": places}}
    return paths


def batch_paths() -> Json:
    """The paths of tables that are scored as a whole."""
    job = [{"name": "job", "in": "path", "required": True, "schema": STRING}]
    media = ("text/csv", "application/x-ndjson", "application/vnd.apache.parquet", "application/gzip")
    refusal, state = ref("Refusal"), ref("BatchJob")
    explain = {"name": "explain", "in": "query", "schema": {"type": "integer", "minimum": 0, "default": 0}}
    refused = {"401": "the token is missing or wrong", "413": "too large", "415": "another content type"}
    refused |= {"422": "a parameter is wrong", "503": "no model yet"}
    absent = {"401": "the token is missing or wrong", "404": "no such job"}
    told = _get("What became of a job: waiting, running, done or failed.", state, absent, "Refusal")
    result = _get(
        "The scored table, as `tenure predict` writes it.",
        STRING,
        {**absent, "409": "it is not done"},
        "Refusal",
        "text/csv",
    )
    return {
        "/batch": {
            "post": {
                "summary": "Score a table of any length; the answer names the job.",
                "operationId": "batch",
                "parameters": [explain],
                "requestBody": {
                    "required": True,
                    "content": {name: {"schema": {"type": "string", "format": "binary"}} for name in media},
                },
                "responses": {
                    "202": _answer("Taken in.", state),
                    **{status: _answer(why, refusal) for status, why in refused.items()},
                },
            }
        },
        "/batch/{job}": {"get": {**told, "parameters": job}},
        "/batch/{job}/result": {"get": {**result, "parameters": job}},
    }


def protocol_schemas() -> Json:
    """The schemas that protocol_paths and batch_paths refer to."""
    shape: Json = {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 2}
    datatype: Json = {"enum": list(DATATYPES)}
    tensor = object_of(name=STRING, datatype=datatype, shape=shape)
    return {
        "Invocation": {
            "type": "object",
            "properties": {
                "dataframe_split": object_of(
                    columns={"type": "array", "items": STRING},
                    data={"type": "array", "items": {"type": "array"}},
                ),
                "dataframe_records": {"type": "array", "items": ref("Row")},
                "instances": {"type": "array", "items": ref("Row")},
                "inputs": {"type": "object", "additionalProperties": {"type": "array"}},
            },
            "oneOf": [
                {"required": [form]}
                for form in ("dataframe_split", "dataframe_records", "instances", "inputs")
            ],
        },
        "Invoked": object_of(
            predictions={"type": "array", "items": {"type": "object"}},
            ids={"type": "array", "items": STRING, "description": "of the predictions in the journal"},
        ),
        "BatchJob": {
            "type": "object",
            "properties": {
                "id": STRING,
                "status": {"enum": ["waiting", "running", "done", "failed"]},
                "rows": {"type": "integer"},
                "problems": {"type": "integer", "description": "cells that count as missing"},
                "version": {**STRING, "description": "of the model"},
                "error": STRING,
            },
            "required": ["id", "status"],
        },
        "MlflowError": object_of(error_code=STRING, message=STRING),
        "OpenInferenceError": object_of(error=STRING),
        "Health": object_of(live=_TRUTH, ready=_TRUTH),
        "ServerMetadata": object_of(
            name=STRING, version=STRING, extensions={"type": "array", "items": STRING}
        ),
        "TensorMetadata": tensor,
        "ModelMetadata": object_of(
            name=STRING,
            versions={"type": "array", "items": STRING},
            platform=STRING,
            inputs={"type": "array", "items": ref("TensorMetadata")},
            outputs={"type": "array", "items": ref("TensorMetadata")},
        ),
        "InputTensor": {
            **tensor,
            "properties": {
                **tensor["properties"],
                "data": {"type": "array"},
                "parameters": {"type": ["object", "null"]},
            },
        },
        "OutputTensor": object_of(**tensor["properties"], data={"type": "array"}),
        "InferRequest": {
            "type": "object",
            "properties": {
                "id": {"type": ["string", "null"]},
                "parameters": {"type": ["object", "null"]},
                "inputs": {"type": "array", "items": ref("InputTensor"), "minItems": 1},
                "outputs": {
                    "type": ["array", "null"],
                    "items": {"type": "object", "properties": {"name": STRING}, "required": ["name"]},
                },
            },
            "required": ["inputs"],
        },
        "InferResponse": {
            "type": "object",
            "properties": {
                "id": STRING,
                "model_name": STRING,
                "model_version": STRING,
                "outputs": {"type": "array", "items": ref("OutputTensor")},
            },
            "required": ["model_name", "model_version", "outputs"],
        },
    }


def _ping(summary: str) -> Json:
    return _get(summary, STRING, {"404": "no model"}, media="text/plain")


def _invocations(model: ServedModel | None) -> Json:
    as_json: Json = {"schema": ref("Invocation")}
    if model is not None:
        as_json["example"] = {"dataframe_records": [model.example]}
    return {
        "summary": "Predict rows as MLflow's scoring server and SageMaker do: JSON with one of four keys, or CSV.",
        "operationId": "invocations",
        "requestBody": {
            "required": True,
            "content": {"application/json": as_json, "text/csv": {"schema": STRING}},
        },
        "responses": {
            "200": _answer("As the model that tenure logs to MLflow answers.", ref("Invoked")),
            **{status: _answer(why, ref("MlflowError")) for status, why in _REFUSED.items()},
            "415": _answer("neither JSON nor CSV in UTF-8", STRING, "text/plain"),
        },
    }


def _infer(model: ServedModel | None) -> Json:
    body: Json = {"schema": ref("InferRequest")}
    if model is not None:
        body["example"] = {"inputs": _example_tensors(model)}
    refused = {**_REFUSED, "404": "another model than this"}
    return {
        "summary": "Predict rows, one input tensor a column (Open Inference Protocol).",
        "requestBody": {"required": True, "content": {"application/json": body}},
        "responses": {
            "200": _answer("prediction, probability or probabilities, and id.", ref("InferResponse")),
            **{status: _answer(why, ref("OpenInferenceError")) for status, why in refused.items()},
        },
    }


def _example_tensors(model: ServedModel) -> list[Json]:
    types = {tensor["name"]: tensor["datatype"] for tensor in describe_model(model)["inputs"]}
    found = []
    for name, value in model.example.items():
        if name in types:
            is_text = isinstance(value, str) or (value is None and types[name] == "BYTES")
            datatype = "BYTES" if is_text else "BOOL" if isinstance(value, bool) else "FP64"
            found.append({"name": name, "datatype": datatype, "shape": [1], "data": [value]})
    return found


def _get(
    summary: str,
    schema: Json,
    more: Json | None = None,
    error: str | None = None,
    media: str = "application/json",
) -> Json:
    refused = {
        status: _answer(why, ref(error)) if error else {"description": why}
        for status, why in (more or {}).items()
    }
    return {"summary": summary, "responses": {"200": _answer(summary, schema, media), **refused}}


def _answer(description: str, schema: Json, media: str = "application/json") -> Json:
    return {"description": description, "content": {media: {"schema": schema}}}
