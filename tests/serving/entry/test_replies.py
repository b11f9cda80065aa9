"""The answers of scripts that choose status, headers and body."""

import pytest
import requests
from flask import Response
from served import serve

from mlops.serving.app import Application
from mlops.serving.entry.scorer import EntryScorer, encode_reply
from mlops.serving.script import Script

KEY = "the-key"


@pytest.mark.parametrize("status", [100, 199, 600, 999])
def test_a_status_that_no_answer_can_have_is_refused(status: int) -> None:
    with pytest.raises(ValueError, match=f"A response cannot have the status {status}"):
        encode_reply(Response("x", status))


def test_headers_of_the_connection_and_the_id_are_those_of_the_server() -> None:
    given = {"Transfer-Encoding": "chunked", "Connection": "close", "X-Ms-Request-Id": "own", "X-Two": "a,b"}
    names = [name for name, _ in encode_reply(Response("x", 200, given)).headers]
    assert names == ["X-Two", "Content-Type"]


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_a_body_keeps_the_connection(status: int) -> None:
    def run(raw_data: str) -> Response:
        return Response("a body", status)

    headers = {"Authorization": f"Bearer {KEY}"}
    application = Application(EntryScorer(Script(run)), [KEY], {})
    with serve(application) as url, requests.Session() as session:
        found = [session.post(f"{url}/score", "x", headers=headers, timeout=20) for _ in range(2)]
    assert [(one.status_code, one.content) for one in found] == [(status, b"")] * 2
    assert "connection" not in found[0].headers
