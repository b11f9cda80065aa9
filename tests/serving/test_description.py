"""Requests that schemathesis makes from the description of a service: good ones, and wrong ones."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
import schemathesis
from churn import problem as churn
from hypothesis import HealthCheck, given, settings, strategies
from progression import problem as progression
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from served import serve

from mlops.image.openapi import describe_service
from mlops.image.schema import encode_schema, write_rows
from mlops.serving.app import Application
from mlops.serving.documents import OPENAPI
from mlops.serving.schema import decode_schema
from mlops.serving.scoring import Scorer

CASES = 500  # for each of the two services
KEY = "the-primary-key"
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


def count_days(columns: Mapping[str, Any]) -> Any:
    """Return a probability for each row of the problem churn."""
    return np.where(columns["plan"] == "basic", 0.5, 0.1)


@pytest.fixture(params=[(progression, lambda rows: rows[:, 0]), (churn, count_days)], ids=["numbers", "records"])
def url(request: pytest.FixtureRequest) -> Iterator[tuple[str, dict[str, bytes]]]:
    """The address of a service for numbers, and of one for records, with its description."""
    problem, run = request.param
    schema = decode_schema(encode_schema(problem))
    documents = describe_service(schema, write_rows(problem, problem.example_rows), problem.name, 3)
    with serve(Application(Scorer(run, schema), [KEY], {"digest": "sha256:abc"}, documents)) as address:
        yield address, documents


@pytest.mark.slow
def test_no_request_makes_the_service_fail(url: tuple[str, dict[str, bytes]]) -> None:
    address, documents = url
    described = schemathesis.openapi.from_dict(json.loads(documents[OPENAPI]))
    seen: dict[int, int] = {}
    operation = described["/score"]["POST"]
    cases = strategies.one_of(*(operation.as_strategy(mode) for mode in GenerationMode))

    @settings(max_examples=CASES, deadline=None, derandomize=True, database=None, suppress_health_check=[*HealthCheck])
    @given(case=cases)
    def send(case: schemathesis.Case) -> None:
        answer = case.call(base_url=address, headers={"Authorization": f"Bearer {KEY}"})
        seen[answer.status_code] = seen.get(answer.status_code, 0) + 1
        case.validate_response(answer, checks=CHECKS)

    send()
    assert min(seen[200], seen[422]) >= CASES / 100  # hypothesis draws anew each time; 22 of 500 were seen
