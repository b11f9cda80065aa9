"""The requests that a service must refuse. Each rule of a schema gives one, and the server refuses it."""

import json

import pytest

from mlops.release.bad_requests import list_bad_requests, make_record
from mlops.serving.refusals import Refusal
from mlops.serving.rows import RowReader
from mlops.serving.schema import Answer, Feature, Schema

NUMBERS = Schema(1, (Feature("AGE", maximum=100.0), Feature("BMI", missing=True)), Answer())
PHONES = Schema(
    1,
    (
        Feature("plan", "category", allowed=("basic", "plus")),
        Feature("city", "category", missing=True),
        Feature("fee", minimum=0.0),
        Feature("calls", minimum=0.0, missing=True),
        Feature("paperless", "boolean"),
        Feature("joined", "date", minimum="2020-01-31"),
        Feature("seller", "id"),
    ),
    Answer("boolean", (False, True)),
)
CUSTOMER = {
    "plan": "plus",
    "city": None,
    "fee": 20.0,
    "calls": None,
    "paperless": True,
    "joined": "2020-01-31",
    "seller": "x",
}


@pytest.mark.parametrize(("schema", "row"), [(NUMBERS, [18.0, 2.5]), (PHONES, CUSTOMER)])
def test_the_server_refuses_every_bad_request(schema: Schema, row: object) -> None:
    reader = RowReader(schema)
    reader.read_rows(json.dumps({"data": [row, make_record(schema, row)]}).encode())
    for name, body in list_bad_requests(schema, [row, row]):
        with pytest.raises(Refusal) as refused:
            reader.read_rows(json.dumps(body).encode())
        assert refused.value.status == 422, name


def test_each_rule_of_the_schema_has_a_request() -> None:
    assert [name for name, _ in list_bad_requests(PHONES, [CUSTOMER])] == [
        "no rows",
        "a list instead of a record",
        "a record with an unknown key",
        "a record without plan",
        "a number for plan",
        "null for plan",
        "not basic or plus for plan",
        "text for fee",
        "-1.0 for fee",
        "text for paperless",
        "a number for joined",
        "2020-01-30 for joined",
        "a boolean for seller",
    ]
    assert [name for name, _ in list_bad_requests(NUMBERS, [[18.0, 2.5]])] == [
        "no rows",
        "one column too few",
        "text for numbers",
        "rows of unequal length",
        "a record with an unknown key",
        "a record without AGE",
        "text for AGE",
        "null for AGE",
        "200.0 for AGE",
    ]
