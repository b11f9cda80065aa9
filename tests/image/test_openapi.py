"""The descriptions of a service: valid documents, and the schemas accept what the service accepts."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from cancer import problem as cancer
from churn import problem as churn
from openapi_schema_validator import OAS30Validator
from openapi_spec_validator import validate
from progression import problem as progression

from mlops.image.descriptions import STATUSES
from mlops.image.openapi import describe_service
from mlops.image.schema import encode_schema, write_rows
from mlops.problem import Problem
from mlops.serving.documents import OPENAPI, OPENAPI_30, SWAGGER
from mlops.serving.refusals import Refusal
from mlops.serving.rows import RowReader
from mlops.serving.schema import Answer, Feature, Schema, decode_schema

EVERY = Schema(
    1,
    tuple(
        Feature(f"{kind} {missing} {allowed}", kind, allowed=allowed, missing=missing)
        for kind, missing, allowed in [
            *itertools.product(("number", "category", "boolean", "date", "id"), (False, True), ((),)),
            ("category", False, ("a", "b")),
            ("category", True, ("a", "b")),
        ]
    ),
    Answer("category", ("a", "b")),
)
BOUNDED = Schema(
    1, (Feature('a "b"', minimum=0.0), Feature("c", maximum=1.5, missing=True)), Answer("boolean", (False, True))
)
LINE = re.compile(r"^\| (\d{3}) \| ", re.MULTILINE)
KEYED = msgspec.structs.replace(BOUNDED, id="customer")
VALUES = [None, True, 0, 1.5, -1, 2, "", "a", "A", "2024-01-31", [], {}, [1]]
RECORD = {
    feature.name: {"number": 1, "boolean": True, "date": "2024-01-31"}.get(feature.kind, "a")
    for feature in EVERY.features
}


def describe(schema: Schema | None, examples: tuple[object, ...] = ()) -> dict[str, Any]:
    """Return the documents."""
    return {name: json.loads(content) for name, content in describe_service(schema, examples, "tiny", 3).items()}


def check_request(schema: Schema, body: object) -> bool:
    """Return whether a request fits the schema of its description."""
    document = describe(schema)[OPENAPI]
    validator = jsonschema.Draft202012Validator(
        {"$ref": "#/components/schemas/Request", "components": document["components"]},
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
    )
    return bool(validator.is_valid(body))


def accepts(schema: Schema, body: object) -> bool:
    """Return whether the service accepts a request."""
    try:
        RowReader(schema).read_rows(json.dumps(body).encode())
    except Refusal:
        return False
    return True


@pytest.mark.parametrize("problem", [progression, cancer, churn], ids=lambda problem: problem.name)
def test_the_documents_are_valid_and_have_the_declared_examples(problem: Problem) -> None:
    schema = decode_schema(encode_schema(problem))
    rows = write_rows(problem, problem.example_rows)
    found = describe(schema, tuple(rows))
    for document in found.values():
        validate(document)
    request = found[OPENAPI]["paths"]["/score"]["post"]["requestBody"]["content"]["application/json"]
    assert request["examples"] == {"declared": {"value": {"data": rows}}}
    assert found[SWAGGER]["definitions"]["ServiceInput"]["example"] == {"data": rows}
    assert check_request(schema, {"data": rows})
    assert found[OPENAPI]["info"] == {"title": "tiny", "version": "3", "description": "Predictions of the model tiny."}


@pytest.mark.parametrize("schema", [EVERY, BOUNDED, KEYED, None])
def test_other_documents_are_valid(schema: Schema | None) -> None:
    for document in describe(schema).values():
        validate(document)
        assert "declared" not in json.dumps(document)


@pytest.mark.parametrize(
    "body",
    [
        *({"data": [{**RECORD, name: value}]} for name, value in itertools.product(RECORD, VALUES)),
        *({"data": [{name: RECORD[name] for name in RECORD if name != missing}]} for missing in RECORD),
        *({}, [], {"data": []}, {"data": [RECORD], "more": 1}, {"data": [{**RECORD, "more": 1}]}, {"data": [[1]]}),
    ],
)
def test_the_description_accepts_what_the_service_accepts(body: object) -> None:
    assert check_request(EVERY, body) == accepts(EVERY, body)


@pytest.mark.parametrize(
    "row", [[0, 1], [0, None], [-1, 1], [0, 2], [0], [0, 1, 1], ["0", 1], {'a "b"': 0, "c": 1}, {"c": 1}]
)
def test_a_row_of_numbers_is_described(row: object) -> None:
    assert check_request(BOUNDED, {"data": [row]}) == accepts(BOUNDED, {"data": [row]})


@pytest.mark.parametrize("ids", [None, ["a", 1, None], [], "a", [True], [1.5], [["a"]]])
def test_ids_are_described_where_the_problem_declares_them(ids: object) -> None:
    body = {"data": [[0, 1]] * 3, "ids": ids}
    assert check_request(KEYED, body) == (accepts(KEYED, body) or ids == [])  # the length cannot be described
    assert not check_request(BOUNDED, body)


def test_swagger_has_no_null_and_no_lists_of_types() -> None:
    row = describe(EVERY)[SWAGGER]["definitions"]["Row"]["properties"]
    assert {found["type"] for found in row.values()} == {"number", "string", "boolean"}
    assert row["category True ('a', 'b')"]["enum"] == ["a", "b", ""]
    assert [name for name, found in row.items() if found.get("x-nullable")] == [
        name for name in row if " True " in name
    ]


def test_openapi_3_0_accepts_the_same_records() -> None:
    document = describe(EVERY)[OPENAPI_30]
    validator = OAS30Validator(
        {"$ref": "#/components/schemas/Request", "components": document["components"]},
        format_checker=OAS30Validator.FORMAT_CHECKER,
    )
    bodies = [{"data": [{**RECORD, name: value}]} for name, value in itertools.product(RECORD, VALUES)]
    assert [validator.is_valid(body) for body in bodies] == [accepts(EVERY, body) for body in bodies]


def test_openapi_3_0_describes_the_length_of_a_list() -> None:
    schemas = describe(BOUNDED)[OPENAPI_30]["components"]["schemas"]
    assert schemas["Values"] == {
        "type": "array",
        "items": {"type": "number", "nullable": True},
        "minItems": 2,
        "maxItems": 2,
    }


def test_all_list_the_statuses_of_a_request(project: Path) -> None:
    found, manual = [*describe(EVERY).values()], (project / "docs" / "service.md").read_text(encoding="utf-8")
    assert {*STATUSES} == {int(status) for status in LINE.findall(manual)} - {404, 405}
    for document in found:
        responses = document["paths"]["/score"]["post"]["responses"]
        assert {int(status) for status in responses} == {200, *STATUSES}
