"""``swagger.json`` in an image: the description of its service as Swagger 2.0, for clients of Azure.

The names of the operation and its schemas are those of Azure's inference server. Swagger 2.0 cannot describe null or
values of several types. So a row is always a record, and the answer to a row is described as a number or as any value.
"""

from mlops.image.descriptions import PROBLEM, Json, describe_record, describe_request, list_statuses
from mlops.serving.schema import Schema


def describe_swagger(schema: Schema | None, info: Json, example: Json) -> Json:
    """Return the description of a service as Swagger 2.0.

    Parameters
    ----------
    schema : Schema, optional
        What the service accepts and answers. None if the scoring script reads the body of a request itself.
    info : dict
        The title, version and description of the service.
    example : dict
        The body of an example request; empty if there is none.
    """
    statuses = list_statuses(schema)
    refused = {str(status): {"description": said, "schema": _refer("Problem")} for status, said in statuses.items()}
    return {
        "swagger": "2.0",
        "info": info,
        "consumes": ["application/json"],
        "produces": ["application/json", "application/problem+json"],
        "securityDefinitions": {"Bearer": {"type": "apiKey", "name": "Authorization", "in": "header"}},
        "paths": {
            "/": {
                "get": {
                    "operationId": "ServiceHealthCheck",
                    "responses": {"200": {"description": "The service is ready."}},
                }
            },
            "/score": {
                "post": {
                    "operationId": "RunMLService",
                    "security": [{"Bearer": []}],
                    "parameters": [{"name": "body", "in": "body", "required": True, "schema": _refer("ServiceInput")}],
                    "responses": {
                        "200": {"description": "The predictions.", "schema": _refer("ServiceOutput")},
                        **refused,
                    },
                }
            },
        },
        "definitions": {
            **(_describe_rows(schema, example) if schema else {"ServiceInput": {}, "ServiceOutput": {}}),
            "Problem": PROBLEM,
        },
    }


def _describe_rows(schema: Schema, example: Json) -> dict[str, Json]:
    record = describe_record(schema)
    record["properties"] = {name: _simplify(found) for name, found in record["properties"].items()}
    request = describe_request(_refer("Row"), schema)
    if schema.id:
        request["properties"]["ids"] |= {"type": "array", "items": {"type": "string", "x-nullable": True}}
    result = {"type": "array", "items": {"type": "number"} if schema.answer.kind == "number" else {}}
    return {
        "ServiceInput": request | ({"example": example} if example else {}),
        "ServiceOutput": {"type": "object", "required": ["result"], "properties": {"result": result}},
        "Row": record,
    }


def _refer(name: str) -> Json:
    return {"$ref": f"#/definitions/{name}"}


def _simplify(feature: Json) -> Json:
    types = [feature["type"]] if isinstance(feature["type"], str) else feature["type"]
    found = {**feature, "type": types[0], **({"x-nullable": True} if "null" in types else {})}
    if "enum" in found:
        found["enum"] = [value for value in found["enum"] if value is not None]
    return found
