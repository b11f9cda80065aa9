"""Bodies with many rows, which must not keep other clients waiting."""

import json
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from server_process import exchange, make_request, read_answer, start_server

from mlops.serving.faults import MAX_ROWS, SEARCHED
from mlops.serving.refusals import Refusal
from mlops.serving.schema import Answer, Feature, Schema
from mlops.serving.scoring import PART_ROWS, Scorer

NUMBERS = Schema(1, (Feature("fee"),), Answer())
TEXTS = Schema(1, (Feature("note", "id"), Feature("fee")), Answer())
WAITING = """
import pathlib, time
sizes = []
def init(): pass
def run(data):
    if len(data) == 1:  # the example, before the server is ready
        return data[:, 0]
    sizes.append(len(data))
    pathlib.Path({begun!r}).touch()
    ends = time.monotonic() + 20
    wanted = {{1: {sent!r}, 4: {answered!r}}}.get(len(sizes), ".")
    while not pathlib.Path(wanted).exists():
        assert time.monotonic() < ends, "no other request was answered"
        time.sleep(0.01)
    return data[:, 0] * 0 + len(data)
"""


def count_rows(data: object) -> NDArray[np.float64]:
    """Predict the number of rows that a call gets."""
    count = len(data["note"]) if isinstance(data, dict) else len(data)  # type: ignore[arg-type]
    return np.full(count, count, dtype=float)


def test_another_request_is_answered_between_the_parts_of_a_large_one(tmp_path: Path) -> None:
    """The script waits in its first call for the other request, and in its fourth call for the answer to it."""
    begun, sent, answered = tmp_path / "begun", tmp_path / "sent", tmp_path / "answered"
    script = WAITING.format(begun=str(begun), sent=str(sent), answered=str(answered))
    body = b'{"data": [' + b", ".join([b"[1]"] * (5 * PART_ROWS)) + b"]}"
    with start_server(tmp_path, script=script) as server, ExitStack() as stack:
        large, small = (stack.enter_context(server.connect()) for _ in range(2))
        assert exchange(small, make_request(b"GET", b"/livez", b""))[0] == 200
        large.sendall(make_request(body=body))
        while not begun.exists():
            pass
        small.sendall(make_request(b"GET", b"/livez", b""))
        sent.touch()
        assert read_answer(small)[0] == 200
        answered.touch()
        status, _, answer = read_answer(large)
    assert (status, json.loads(answer)) == (200, {"result": [PART_ROWS] * 5 * PART_ROWS})


def test_the_parts_are_joined() -> None:
    body = b'{"data": [' + b", ".join([b"[1]"] * (2 * PART_ROWS + 1)) + b"]}"
    assert Scorer(count_rows, NUMBERS).score(body)[1].tolist() == [PART_ROWS] * 2 * PART_ROWS + [1]


def test_the_columns_of_records_are_split(tmp_path: Path) -> None:
    body = json.dumps({"data": [{"note": str(number), "fee": 1} for number in range(PART_ROWS + 2)]}).encode()
    assert Scorer(count_rows, TEXTS).score(body)[1].tolist() == [PART_ROWS] * PART_ROWS + [2, 2]


@pytest.mark.parametrize("schema", [NUMBERS, TEXTS])
@pytest.mark.parametrize("row", [b"{}", b"[]", b"[1]", b'{"fee":1}'])
def test_a_body_with_too_many_rows_is_refused(schema: Schema, row: bytes) -> None:
    """Without the limit, a body of 2,800,000 empty records is refused after 6 s."""
    body = b'{"data":[' + b",".join([row] * (MAX_ROWS + 1)) + b"]}"
    with pytest.raises(Refusal, match=r"data has more than 50,000 rows\. Send fewer rows at a time\.") as refused:
        Scorer(count_rows, schema).score(body)
    assert (refused.value.status, refused.value.details) == (413, {"rule": "rows"})


def test_as_many_rows_as_allowed_are_scored() -> None:
    body = b'{"data":[' + b",".join([b'{"fee":1}'] * MAX_ROWS) + b"]}"
    assert len(Scorer(count_rows, NUMBERS).score(body)[1]) == MAX_ROWS


def test_brackets_in_texts_are_no_rows() -> None:
    body = json.dumps({"data": [{"note": "[{" * 40_000, "fee": 1}] * 3}).encode()
    assert Scorer(count_rows, TEXTS).score(body)[1].tolist() == [3.0, 3.0, 3.0]


def nest(value: bytes, count: int) -> bytes:
    """Return a body with one row of `count` values."""
    return b'{"data":[[' + b",".join([value] * count) + b"]]}"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (nest(b"[" * 100 + b"]" * 100, 41_000), "Expected `float`, got `array` - at `$.data[0][0]`."),
        (nest(b"{}", 100_000), "Expected `float`, got `object` - at `$.data[0][0]`."),
        (b'{"x":[' + b",".join([b"[[[[]]]]"] * 900_000) + b"]}", "Object contains unknown field `x`."),
        (
            b'{"data":[' + b",".join([b"0"] * 4_000_000) + b"]}",
            "Expected `object | array`, got `int` - at `$.data[0]`.",
        ),
    ],
    ids=["lists in a row", "objects in a row", "lists of an unknown key", "rows that are numbers"],
)
def test_a_large_body_is_refused_without_a_search_of_all_its_values(body: bytes, said: str) -> None:
    """To search them takes 2 s for the largest body, in which no other request is answered."""
    began = time.process_time()
    with pytest.raises(Refusal) as refused:
        Scorer(count_rows, NUMBERS).score(body)
    assert time.process_time() - began < 0.5  # 0.1 s on an idle machine
    assert (refused.value.status, str(refused.value)) == (422, said)


def test_a_large_body_that_is_not_json_is_refused_without_a_search_of_all_its_values() -> None:
    wide = Schema(1, tuple(Feature(f"f{number}") for number in range(100)), Answer())
    body = b'{"data":[' + b",".join([b"[" + b",".join([b"0"] * 100) + b"]"] * 10_000)
    with pytest.raises(Refusal, match=r"^The body is not JSON: Input data was truncated\.$") as refused:
        Scorer(count_rows, wide).score(body)
    assert refused.value.status == 400


RECORD = b'{"note":"12:30, \\"b\\", 13:00","fee":1,"day":"2024-01-31"}'
DATED = Schema(1, (*TEXTS.features, Feature("day", "date", minimum="2020-01-01")), Answer(), id="who")
ODD = Schema(1, (Feature('a "b"', "category", missing=True), Feature("fee")), Answer())


@pytest.mark.parametrize(
    ("schema", "good", "bad", "said"),
    [
        (NUMBERS, b"[1]", b'["x"]', 'data[49000].fee is "x", but it must be a number.'),
        (NUMBERS, b'{"fee":1}', b'{"fee":1,"fee":2}', 'data[49000] has the key "fee" twice.'),
        (DATED, RECORD, RECORD.replace(b"1,", b"null,"), "data[49000].fee is null, but it must be a number."),
        (DATED, RECORD, RECORD[:-1] + b',"fee":2}', 'data[49000] has the key "fee" twice.'),
        (
            DATED,
            RECORD,
            RECORD.replace(b"2024", b"2019"),
            'data[49000].day is "2019-01-31", but it must be a date from',
        ),
        (ODD, rb'{"a \"b\"":"","fee":1}', rb'{"a \"b\"":"x"}', 'data[49000] has no key "fee".'),
        (ODD, rb'{"a \"b\"":"x","fee":1}', rb'{"a \"b\"":"x","fee":""}', 'data[49000].fee is "", but it must be'),
    ],
)
def test_the_fault_of_a_row_is_found_in_a_large_body(schema: Schema, good: bytes, bad: bytes, said: str) -> None:
    body = b'{"data":[' + (good + b",") * 49_000 + bad + b" " * SEARCHED + b"]}"
    with pytest.raises(Refusal) as refused:
        Scorer(count_rows, schema).score(body)
    assert str(refused.value)[: len(said)] == said
    assert refused.value.details["row"] == 49_000


def test_a_key_that_is_repeated_among_many_is_found_quickly() -> None:
    """With a search of all keys for each key, this test would take seconds."""
    keys = ", ".join(f'"{number}": 1' for number in range(20_000))
    with pytest.raises(Refusal, match='The body has the key "7" twice'):
        Scorer(count_rows, NUMBERS).score(f'{{"data": [[1]], {keys}, "7": 1}}'.encode())
