"""Requests that schemathesis makes from the description of a service: good ones, and wrong ones."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
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
from mlops.serving.heads import SCORE
from mlops.serving.schema import decode_schema
from mlops.serving.scoring import Scorer

CASES = 500  # for the path /score of each service
OTHER_CASES = 50  # for each other path
ID = "patient"
KEY = "the-primary-key"
IDENTITY = {"image": "tiny:3", "digest": "sha256:abc", "model_name": "tiny", "model_version": 3, "runtime": "numbers"}
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


def count_days(columns: Mapping[str, Any]) -> Any:
    """Return a probability for each row of the problem churn."""
    return np.where(columns["plan"] == "basic", 0.5, 0.1)


def take_first(rows: Any) -> Any:
    """Return the first number of each row of the problem progression."""
    return rows[:, 0]


@pytest.fixture(
    params=[(progression, take_first, {}), (progression, take_first, {"id": ID}), (churn, count_days, {})],
    ids=["numbers", "numbers with ids", "records"],
)
def url(request: pytest.FixtureRequest) -> Iterator[tuple[str, dict[str, bytes]]]:
    """The address of a service for numbers, one for numbers with ids, and one for records."""
    problem, run, changes = request.param
    schema = msgspec.structs.replace(decode_schema(encode_schema(problem)), **changes)
    documents = describe_service(schema, write_rows(problem, problem.example_rows), problem.name, 3)
    with serve(Application(Scorer(run, schema), [KEY], IDENTITY, documents)) as address:
        yield address, documents


@pytest.mark.slow
def test_no_request_makes_the_service_fail(url: tuple[str, dict[str, bytes]]) -> None:
    address, documents = url
    described = schemathesis.openapi.from_dict(json.loads(documents[OPENAPI]))
    operations = [found.ok() for found in described.get_all_operations()]
    seen = {operation.path: send_cases(address, operation) for operation in operations}
    assert seen.keys() == json.loads(documents[OPENAPI])["paths"].keys()
    # hypothesis draws anew each time; 22 of 500 were seen
    assert min(seen[SCORE][200], seen[SCORE][422]) >= CASES / 100
    assert seen[SCORE]["ids"] > 0 or ID.encode() not in documents[OPENAPI]
    assert {path: statuses[200] > 0 for path, statuses in seen.items()} == dict.fromkeys(seen, True)


def send_cases(address: str, operation: Any) -> Counter[int | str]:
    """Send the requests that schemathesis makes for an operation, check the answers, and count statuses and ids."""
    seen: Counter[int | str] = Counter()
    modes = GenerationMode if [*operation.iter_parameters()] or operation.body else [GenerationMode.POSITIVE]
    cases = strategies.one_of(*(operation.as_strategy(mode) for mode in modes))
    count = CASES if operation.path == SCORE else OTHER_CASES

    @settings(max_examples=count, deadline=None, derandomize=True, database=None, suppress_health_check=[*HealthCheck])
    @given(case=cases)
    def send(case: schemathesis.Case) -> None:
        answer = case.call(base_url=address, headers={"Authorization": f"Bearer {KEY}"})
        seen[answer.status_code] += 1
        seen["ids"] += isinstance(case.body, dict) and bool(case.body.get("ids"))
        case.validate_response(answer, checks=CHECKS)

    send()
    return seen
