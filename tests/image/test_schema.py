"""What the service accepts, written from the declaration of a problem."""

import json
from datetime import date

import numpy as np
import pandas as pd
import pytest
from progression import problem as diabetes

from mlops.errors import ProblemError
from mlops.image.schema import check_examples, encode_schema, write_rows
from mlops.problem import Column, Problem, metrics


class Phones(Problem):
    """A problem with every kind of feature."""

    name = "phones"
    columns = (
        Column("customer", kind="id"),
        Column("plan", kind="category", allowed=("plus", "basic")),
        Column("city", kind="category", allowed=("Bern", "Zürich"), checked_in_service=False, max_missing=0.1),
        Column("fee", minimum=0, maximum=float("inf")),
        Column("joined", kind="date", minimum=date(2020, 1, 31), max_missing=1),
        Column("paperless", kind="boolean"),
        Column("remark", kind="category", role="ignored"),
        Column("next", kind="category", role="target", allowed=("stays", "leaves")),
    )
    metrics = (metrics.log_loss(),)


PHONES = Phones()


def test_the_schema_has_the_features_their_rules_and_the_answer() -> None:
    content = json.loads(encode_schema(PHONES))
    assert content["answer"] == {"kind": "category", "classes": ["leaves", "stays"]}
    assert content["format"] == 1
    names = ("name", "kind", "minimum", "maximum", "allowed", "missing")
    assert [tuple(feature[name] for name in names) for feature in content["features"]] == [
        ("plan", "category", None, None, ["plus", "basic"], False),
        ("city", "category", None, None, [], True),
        ("fee", "number", 0, None, [], False),
        ("joined", "date", "2020-01-31", None, [], True),
        ("paperless", "boolean", None, None, [], False),
    ]


def test_without_a_row_there_is_nothing_to_send() -> None:
    with pytest.raises(ProblemError) as raised:
        write_rows(PHONES, [])
    assert str(raised.value) == (
        "The problem 'phones' has no examples, and the model has no example rows, so its service cannot be tested. "
        "Add `examples` to the declaration of the problem."
    )


def test_the_service_of_the_example_checks_no_ranges() -> None:
    """Because the rows of the reference implementation's smoke test are outside."""
    content = json.loads(encode_schema(diabetes))
    assert content["answer"] == {"kind": "number", "classes": []}
    assert {(feature["minimum"], feature["maximum"]) for feature in content["features"]} == {(None, None)}


def test_an_example_that_the_service_would_refuse_is_refused() -> None:
    example = {"plan": "plus", "city": None, "fee": -1, "joined": None, "paperless": True}
    check_examples(diabetes)
    unfit = type("Unfit", (Phones,), {"examples": ({**example, "fee": 3}, example)})()
    with pytest.raises(ProblemError) as raised:
        check_examples(unfit)
    assert str(raised.value) == (
        "The problem 'phones': The service would refuse its examples. "
        "examples[1].fee is -1.0, but it must be a number from 0."
    )


def test_rows_are_records_unless_all_features_are_numbers() -> None:
    assert write_rows(diabetes, [range(10)]) == [[float(number) for number in range(10)]]
    rows = [["plus", None, 3, date(2024, 1, 31), True], ["basic", "Bern", np.float32(0.5), pd.NaT, np.False_]]
    written = write_rows(PHONES, rows)
    assert written == [
        {"plan": "plus", "city": None, "fee": 3.0, "joined": "2024-01-31", "paperless": True},
        {"plan": "basic", "city": "Bern", "fee": 0.5, "joined": None, "paperless": False},
    ]
    json.dumps(written, allow_nan=False)
    assert write_rows(PHONES, [["plus", float("nan"), 3, pd.Timestamp("2024-01-31 10:00"), 1]])[0] == {
        "plan": "plus",
        "city": None,
        "fee": 3.0,
        "joined": "2024-01-31",
        "paperless": True,
    }
