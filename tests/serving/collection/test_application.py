"""Scored requests are on disk when their answers arrive, as the client sent them, and no others are."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from collected import NUMBERS, Collection, list_requests, read_local
from numpy.typing import NDArray
from served import serve

from mlops.serving.app import Application
from mlops.serving.collection.turns import TurnCollector
from mlops.serving.collection.unpacking import unpack_predictions, unpack_rows
from mlops.serving.scoring import Scorer

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
