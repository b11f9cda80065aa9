"""``openapi.json`` in an image: the description of its service as OpenAPI 3.1, for clients.

It is made from the schema of the image, so it describes what the service accepts. The examples are those that the
problem declares, never rows of a data set, because clients may publish the document. Without a schema, the scoring
script decides what it accepts, so requests and answers can be any JSON.
"""

import json
from collections.abc import Mapping, Sequence

from mlops.image.descriptions import (
    ANYWHERE,
    NO_KEY,
    PROBLEM,
    Json,
    describe_answer,
    describe_feature,
    describe_record,
    describe_request,
    list_statuses,
)
from mlops.image.openapi_30 import convert_document
from mlops.image.pages import JSON, PAGES, Page
from mlops.image.swagger import describe_swagger
from mlops.serving.documents import OPENAPI, OPENAPI_30, SWAGGER
from mlops.serving.heads import SCORE
from mlops.serving.refusals import PROBLEM as PROBLEM_TYPE
from mlops.serving.schema import Schema

SENT = {
    "x-ms-request-id": {"type": "string", "maxLength": 100},
    "x-ms-client-request-id": {
        "type": "string",
        "maxLength": 100,
        "description": "The id of the request if it has no x-ms-request-id.",
    },
    "traceparent": {"type": "string", "description": "See https://www.w3.org/TR/trace-context."},
}
RETURNED = ("x-image-digest", "x-model-name", "x-model-version", "x-ms-request-id")
SHARED = ANYWHERE | NO_KEY  # the refusals of several paths
RETURNED_WITH = {401: ("www-authenticate",), 503: ("retry-after",)}  # these statuses


def describe_service(schema: Schema | None, examples: Sequence[object], name: str, version: int) -> dict[str, bytes]:
    """Return the documents that describe the service of an image, by the names of their files.

    Parameters
    ----------
    schema : Schema, optional
        What the service accepts and answers. None if the scoring script reads the body of a request itself.
    examples : sequence
        The declared examples, as rows of a request; see `mlops.image.schema.write_rows`.
    name, version : str, int
        The name and the version of the model.
    """
    info = {"title": name, "version": str(version), "description": f"Predictions of the model {name}."}
    example: Json = {"data": [*examples]} if examples else {}
    newest = describe_openapi(schema, info, example)
    described = {
        OPENAPI: newest,
        OPENAPI_30: convert_document(newest),
        SWAGGER: describe_swagger(schema, info, example),
    }
    return {file: (json.dumps(content, indent=1) + "\n").encode() for file, content in described.items()}


def describe_openapi(schema: Schema | None, info: Json, example: Json) -> Json:
    """Return the description of a service as OpenAPI 3.1; the parameters are those of `describe_swagger`."""
    shown = {"examples": {"declared": {"value": example}}} if example else {}
    request = {"required": True, "content": {JSON: {"schema": _refer("Request"), **shown}}}
    score = {
        "operationId": "score",
        "summary": "Predict rows.",
        "parameters": [{"name": name, "in": "header", "schema": found} for name, found in SENT.items()],
        "requestBody": request,
        "responses": _list_responses("The predictions.", {JSON: {"schema": _refer("Answer")}}, list_statuses(schema)),
    }
    return {
        "openapi": "3.1.0",
        "info": info,
        "security": [{"Bearer": []}],
        "paths": {
            SCORE: {"post": score},
            **{path: {"get": _describe_page(page)} for path, page in PAGES.items()},
        },
        "components": {
            "securitySchemes": {"Bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                **(_describe_rows(schema) if schema else {"Request": {}, "Answer": {}}),
                "Problem": PROBLEM,
            },
            "responses": {str(status): _describe(status, why) for status, why in SHARED.items()},
        },
    }


def _describe_rows(schema: Schema) -> dict[str, Json]:
    bodies = {"Request": describe_request(_refer("Row"), schema), "Answer": describe_answer(schema.answer)}
    record = describe_record(schema)
    if not schema.only_numbers:
        return {"Row": record, **bodies}
    values = [describe_feature(feature) for feature in schema.features]
    ordered = {"type": "array", "prefixItems": values, "minItems": len(values), "maxItems": len(values)}
    row = {"anyOf": [_refer("Record"), _refer("Values")]}
    return {"Record": record, "Values": ordered, "Row": row, **bodies}


def _describe_page(page: Page) -> Json:
    query = [{"name": name, "in": "query", "schema": found} for name, found in page.query.items()]
    return {
        "summary": page.said,
        **({"parameters": query} if query else {}),
        "responses": _list_responses("The answer.", page.content, page.statuses),
        **({} if page.needs_key else {"security": []}),
    }


def _list_responses(said: str, content: Mapping[str, Json], refused: Mapping[int, str]) -> Json:
    return {
        "200": {"description": said, "headers": _describe_headers(200), "content": content},
        **{
            str(status): _refer(str(status), "responses") if SHARED.get(status) == why else _describe(status, why)
            for status, why in refused.items()
        },
    }


def _describe(status: int, why: str) -> Json:
    problem = {PROBLEM_TYPE: {"schema": _refer("Problem")}}
    return {"description": why, "headers": _describe_headers(status), "content": problem}


def _describe_headers(status: int) -> Json:
    return {name: {"schema": {"type": "string"}} for name in (*RETURNED, *RETURNED_WITH.get(status, ()))}


def _refer(name: str, kind: str = "schemas") -> Json:
    return {"$ref": f"#/components/{kind}/{name}"}
