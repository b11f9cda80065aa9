"""Scored requests are on disk when their answers arrive, as the client sent them, and no others are."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import requests
from collected import NUMBERS, Collection, list_requests, read_local
from flask import Response
from numpy.typing import NDArray
from served import serve

from mlops.serving.app import Application
from mlops.serving.collection.forgetting import Person, forget_rows, has_ids
from mlops.serving.collection.packing import hash_text
from mlops.serving.collection.turns import TurnCollector
from mlops.serving.collection.unpacking import unpack_predictions, unpack_rows
from mlops.serving.entry.scorer import EntryScorer
from mlops.serving.entry.texts import LONGEST_TEXT
from mlops.serving.scoring import Scorer
from mlops.serving.script import Script

KEY = "the-primary-key"


def spoil(data: NDArray[np.float64]) -> NDArray[Any]:
    """Predict the sum of each row, and change the rows."""
    total = data.sum(axis=1)
    data[:] = 0
    return total


def open_application(folder: Path, **options: Any) -> Application:
    """Open a service that collects."""
    collector = Collection(folder).open(**options)
    return Application(Scorer(spoil, NUMBERS, collector.pack), [KEY], {}, collector=TurnCollector(collector))


def post(url: str, name: str, *rows: list[float | str]) -> requests.Response:
    """Send rows in a request that has an id."""
    headers = {"Authorization": f"Bearer {KEY}", "x-ms-request-id": name}
    return requests.post(f"{url}/score", json={"data": rows}, headers=headers, timeout=20)


def test_requests_are_collected_as_they_were_sent_and_refused_ones_are_not(tmp_path: Path) -> None:
    application = open_application(tmp_path)
    with serve(application) as url:
        assert post(url, "r1", [1, 2, 3], [4, 5, 6]).json() == {"result": [6.0, 15.0]}
        assert list_requests(read_local(tmp_path)) == ["r1"]
        assert post(url, "r2", [1, 2, "3"]).status_code == 422
        assert post(url, "r3", [7, 8, 9]).json() == {"result": [24.0]}
    (segment,) = read_local(tmp_path)
    records = [record for turn in segment.turns for record in turn.records]
    assert [record.request for record in records] == ["r1", "r3"]
    assert [values.tolist() for values in unpack_rows(segment.header, records).values()] == [
        [1.0, 4.0, 7.0],
        [2.0, 5.0, 8.0],
        [3.0, 6.0, 9.0],
    ]
    assert [found.tolist() for found in unpack_predictions(segment.header, records)] == [[6.0, 15.0], [24.0]]
    application.close()


def test_a_request_that_cannot_be_stored_is_refused_with_the_time_to_repeat_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with serve(open_application(tmp_path, policy="refuse", max_bytes=50)) as url:
        answer = post(url, "r1", [1, 2, 3])
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
    assert answer.json()["detail"].startswith("The service has no space left for storing requests. Send")
    assert answer.json()["request_id"] == "r1"
    assert str(tmp_path) not in answer.text
    assert f"{tmp_path} has reached its limit of 50 bytes" in caplog.text


def test_a_request_that_is_not_in_the_sample_is_answered(tmp_path: Path) -> None:
    with serve(open_application(tmp_path, share=1e-9)) as url:
        assert post(url, "r1", [1, 2, 3]).json() == {"result": [6.0]}
    assert read_local(tmp_path) == []


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        ({}, ["c1", None]),
        ({"hashed": ("customer",), "key": "k"}, [hash_text(b"k", "c1"), None]),
        ({"omitted": ("customer",)}, None),
    ],
    ids=["kept", "hashed", "left out"],
)
def test_the_ids_of_rows_are_collected_but_do_not_reach_the_script(
    tmp_path: Path, options: dict[str, Any], ids: object
) -> None:
    schema = msgspec.structs.replace(NUMBERS, id="customer")
    collector = Collection(tmp_path, schema).open(**options)
    application = Application(Scorer(spoil, schema, collector.pack), [KEY], {}, collector=TurnCollector(collector))
    rows = [[1, 2, 3], [4, 5, 6]]
    with serve(application) as url:
        body = json.dumps({"data": rows, "ids": ["c1", None]}).encode()
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        assert requests.post(f"{url}/score", data=body, headers=headers, timeout=20).json() == {"result": [6.0, 15.0]}
        assert post(url, "r2", *rows).json() == {"result": [6.0, 15.0]}
    (segment,) = read_local(tmp_path)
    records = [record for turn in segment.turns for record in turn.records]
    assert [record.ids for record in records] == [ids, None]
    assert [values.tolist() for values in unpack_rows(segment.header, records[:1]).values()] == [[1, 4], [2, 5], [3, 6]]
    assert not has_ids(segment)
    content = [path.read_bytes() for path in tmp_path.glob("*.open")][0]
    assert forget_rows(content, Person(["c1"], "k"))[1] == (1 if ids else 0)
    application.close()


def open_entry(folder: Path, run: Callable[..., object], raw: bool = False) -> Application:
    """Open a service whose script reads the bodies of requests, and which collects."""
    collector = Collection(folder, None).open()
    return Application(EntryScorer(Script(run, raw), collector.pack), [KEY], {}, collector=TurnCollector(collector))


def send(url: str, body: bytes = b"", method: str = "POST", query: str = "") -> requests.Response:
    """Send a body to a script."""
    headers = {"Authorization": f"Bearer {KEY}"}
    return requests.request(method, f"{url}/score{query}", data=body, headers=headers, timeout=20)


def read_texts(folder: Path) -> list[tuple[str | None, str | None]]:
    """Return the collected bodies of requests and answers."""
    (segment,) = read_local(folder)
    records = [record for turn in segment.turns for record in turn.records]
    answers = [found.tolist()[0] for found in unpack_predictions(segment.header, records)]
    return [*zip(unpack_rows(segment.header, records)["request"].tolist(), answers, strict=True)]


def test_a_script_that_reads_the_body_has_its_requests_and_answers_collected_as_text(tmp_path: Path) -> None:
    def run(data: str) -> dict[str, int]:
        return {"result": [len(json.loads(data)["text"])]}

    application = open_entry(tmp_path, run)
    with serve(application) as url:
        assert send(url, '{"text": "Ä"}'.encode()).json() == {"result": [1]}
        assert read_texts(tmp_path) == [('{"text": "Ä"}', '{"result": [1]}')]
        assert send(url, b"{text").status_code == 500
        assert send(url, method="OPTIONS").status_code == 200
        assert send(url, method="GET", query="?text=abc").json() == {"result": [3]}
    assert read_texts(tmp_path)[1:] == [('{"text": "abc"}', '{"result": [3]}')]
    application.close()


def test_bodies_that_are_long_or_no_text_are_left_out(tmp_path: Path) -> None:
    def run(data: str) -> str:
        return data[: LONGEST_TEXT // 2]

    application = open_entry(tmp_path, run)
    with serve(application) as url:
        assert send(url, b"x" * LONGEST_TEXT).status_code == 200
        assert send(url, b"y" * (LONGEST_TEXT + 1)).status_code == 200
    (first, answer), (second, _) = read_texts(tmp_path)
    assert (first, second) == ("x" * LONGEST_TEXT, None)
    assert answer == f'"{"x" * (LONGEST_TEXT // 2)}"'
    application.close()


def test_answers_that_a_raw_script_refuses_are_not_collected(tmp_path: Path) -> None:
    def run(request: Any) -> Response:
        return Response(b"\xff\xd8", int(request.args["status"]))

    application = open_entry(tmp_path, run, raw=True)
    with serve(application) as url:
        assert [send(url, b"\xff", query=f"?status={status}").status_code for status in (422, 200)] == [422, 200]
    assert read_texts(tmp_path) == [(None, None)]
    application.close()
