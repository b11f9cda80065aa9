"""The shared parts of the descriptions of a service: JSON Schemas of requests and answers, and the status codes."""

from typing import Any

from mlops.serving.schema import Answer, Feature, Schema, describe_values

Json = dict[str, Any]

NO_KEY = {401: "The key is missing or wrong."}
ANYWHERE = {  # the statuses of refused requests to any path
    400: "The request is not HTTP/1.1.",
    408: "The request did not arrive in time.",
    431: "The head of the request is too large.",
    503: "There are too many connections.",
}
STATUSES = {  # of POST /score
    400: "The body is not JSON, or is nested too deeply.",
    **NO_KEY,
    408: ANYWHERE[408],
    413: "The body is too large, or has too many rows.",
    415: "The content type is not application/json, its charset is not UTF-8, or the body is compressed.",
    422: "A row does not fit the schema, or the scoring script refuses it.",
    431: ANYWHERE[431],
    500: "The scoring script failed.",
    503: "There are too many connections or requests, or the service is unavailable.",
}
ENTRY_STATUSES = {  # of POST /score if the scoring script reads the body of a request itself
    400: "The scoring script cannot read the body.",
    413: "The body is too large.",
    415: "The content type is not one that the scoring script reads.",
}
TYPES = {"number": "number", "category": "string", "boolean": "boolean", "date": "string", "id": "string"}
PROBLEM: Json = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong, and what to send instead."},
        "row": {"type": "integer", "description": "The index of the row in `data`, counted from 0."},
        "column": {"type": "string"},
        "value": {"description": "The value that was sent."},
        "rule": {"type": "string", "description": "The broken rule."},
        "request_id": {"type": "string"},
    },
    "example": {
        "type": "about:blank",
        "title": "Unauthorized",
        "status": 401,
        "detail": "The key is missing or wrong. Send the header Authorization: Bearer <key>.",
        "request_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    },
}


def list_statuses(schema: Schema | None) -> dict[int, str]:
    """Return the statuses of refused requests to ``/score``, each with its meaning."""
    if schema:
        return STATUSES
    return {status: said for status, said in (STATUSES | ENTRY_STATUSES).items() if status != 422}


def describe_request(row: Json, schema: Schema) -> Json:
    """Return the JSON Schema of the body of a request, given `row`, the JSON Schema of a row."""
    said = f"The id of each row ({schema.id}), as text, a whole number, or null. The model does not use it."
    ids = {"type": ["array", "null"], "description": said, "items": {"type": ["string", "integer", "null"]}}
    return {
        "type": "object",
        "required": ["data"],
        "properties": {"data": {"type": "array", "minItems": 1, "items": row}, **({"ids": ids} if schema.id else {})},
        "additionalProperties": False,
    }


def describe_record(schema: Schema) -> Json:
    """Return the JSON Schema of a row that is a record."""
    return {
        "type": "object",
        "required": [*schema.names],
        "properties": {feature.name: describe_feature(feature) for feature in schema.features},
        "additionalProperties": False,
    }


def describe_feature(feature: Feature) -> Json:
    """Return the JSON Schema of the values of a feature."""
    types = [
        TYPES[feature.kind],
        *(["integer"] if feature.kind == "id" else []),
        *(["null"] if feature.missing else []),
    ]
    found: Json = {"type": types if len(types) > 1 else types[0], "description": f"{describe_values(feature)}."}
    if feature.kind == "number":
        bounds = {"minimum": feature.minimum, "maximum": feature.maximum}
        return found | {rule: bound for rule, bound in bounds.items() if bound is not None}
    if feature.kind == "date":
        return found | {"format": "date"}
    if feature.allowed:
        return found | {"enum": [*feature.allowed, *(["", None] if feature.missing else [])]}
    return found if feature.missing or feature.kind == "boolean" else found | {"minLength": 1}


def describe_answer(answer: Answer) -> Json:
    """Return the JSON Schema of the body of an answer that contains predictions."""
    probability = {"type": "number", "minimum": 0, "maximum": 1}
    kinds: dict[str, list[Json]] = {
        "number": [{"type": "number"}],
        "boolean": [probability, {"type": "boolean"}],
        "category": [
            {"type": "string", "enum": [*answer.classes]},
            {
                "type": "array",
                "description": f"The probabilities of the classes: {', '.join(map(str, answer.classes))}.",
                "items": probability,
                "minItems": len(answer.classes),
                "maxItems": len(answer.classes),
            },
        ],
    }
    found = kinds[answer.kind]
    result = {"type": "array", "items": found[0] if len(found) == 1 else {"anyOf": found}}
    return {"type": "object", "required": ["result"], "properties": {"result": result}}
