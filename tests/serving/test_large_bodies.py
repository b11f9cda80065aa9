"""Bodies with many rows, which must not keep other clients waiting."""

import json
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from server_process import exchange, make_request, read_answer, start_server

from mlops.serving.faults import MAX_ROWS, MAX_VALUES
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


def test_a_row_of_many_objects_is_not_searched_for_its_first_fault() -> None:
    """The search would take 6 s for the largest body."""
    body = b'{"data":[[' + b",".join([b"{}"] * (MAX_ROWS + 1)) + b"]]}"
    with pytest.raises(Refusal, match=r"^Expected `float`, got `object` - at `\$\.data\[0\]\[0\]`\.$") as refused:
        Scorer(count_rows, NUMBERS).score(body)
    assert refused.value.status == 422


def test_a_body_of_many_values_is_not_searched_for_its_first_fault() -> None:
    """For the largest body, Python's `json` alone would take 0.4 s."""
    body = b'{"x":[' + b",".join([b"0"] * (MAX_VALUES + 2)) + b"]}"
    with pytest.raises(Refusal, match=r"^Object contains unknown field `x`\.$") as refused:
        Scorer(count_rows, NUMBERS).score(body)
    assert refused.value.status == 422
    wide = Schema(1, tuple(Feature(f"f{number}") for number in range(100)), Answer())
    body = b'{"data":[' + b",".join([b"[" + b",".join([b"0"] * 100) + b"]"] * (MAX_VALUES // 100 + 1))
    with pytest.raises(Refusal, match=r"^The body is not JSON: Input data was truncated\.$") as refused:
        Scorer(count_rows, wide).score(body)
    assert refused.value.status == 400


def test_a_key_that_is_repeated_among_many_is_found_quickly() -> None:
    """With a search of all keys for each key, this test would take minutes."""
    keys = ", ".join(f'"{number}": 1' for number in range(100_000))
    with pytest.raises(Refusal, match='The body has the key "7" twice'):
        Scorer(count_rows, NUMBERS).score(f'{{"data": [[1]], {keys}, "7": 1}}'.encode())
