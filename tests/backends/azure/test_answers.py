"""Status, codes and messages in the errors of Azure's SDKs."""

import json

import pytest
import requests
from azure.core.exceptions import HttpResponseError, ServiceRequestError
from azureml.exceptions import UserErrorException, WebserviceException
from doubles.azure.errors import make_http_error

from mlops.backends.azure.connection.answers import (
    Reason,
    find_pause,
    find_status,
    is_transient,
    is_unreachable,
    list_reasons,
    read_reasons,
)


def wrap(error: Exception) -> WebserviceException:
    """Wrap an error as the SDK does."""
    wrapped = WebserviceException("Received bad response")
    wrapped.__context__ = error
    return wrapped


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (make_http_error(403), 403),
        (wrap(make_http_error(429)), 429),
        (UserErrorException("Request failed (404): no such data set"), 404),
        (ServiceRequestError("no route"), 0),
        (ValueError("ours"), 0),
    ],
)
def test_the_status_is_that_of_the_answer_behind_an_error(error: Exception, status: int) -> None:
    assert find_status(error) == status


def test_a_lost_connection_is_told_from_a_mistake() -> None:
    lost = [requests.ConnectionError("reset"), wrap(requests.Timeout("late")), ServiceRequestError("no route")]
    assert [is_unreachable(error) for error in lost] == [is_transient(error) for error in lost] == [True] * 3
    assert not is_unreachable(UserErrorException("no such option"))
    assert (is_transient(make_http_error(503)), is_transient(make_http_error(400))) == (True, False)


def test_the_pause_is_what_azure_asks_for() -> None:
    assert find_pause(wrap(make_http_error(429, Retry_After="7"))) == 7.0
    assert find_pause(make_http_error(429)) is find_pause(ValueError()) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"error": {"code": "C", "message": "in small letters"}}', "C: in small letters"),
        ('{"Error": {"Code": "C", "Message": "with capitals"}}', "C: with capitals"),
        ('{"error": {"code": "OnlyACode"}}', "OnlyACode"),
        ('{"code": "Outer", "message": "see", "details": [{"code": "Inner", "message": "no size"}]}', "Inner: no size"),
        (
            '{"error": {"code": "C", "message": "see https://a.net/log?sig=signed for more"}}',
            "C: see https://a.net/log for more",
        ),
        (
            "403 for url: https://a.blob.core.windows.net/c/log.txt?sv=1&sig=signed (no)",
            "403 for url: https://a.blob.core.windows.net/c/log.txt (no)",
        ),
        (
            "Max retries exceeded with url: /c/log.txt?sv=1&sig=signed (no)",
            "Max retries exceeded with url: /c/log.txt (no)",
        ),
    ],
)
def test_what_azure_says_is_read_without_signatures(text: str, said: str) -> None:
    assert [str(reason) for reason in read_reasons(make_http_error(403, text))] == [said]


def test_a_storage_error_is_its_code_and_its_first_line() -> None:
    error = HttpResponseError("This request is not authorized.\nRequestId:1\nTime:2\nErrorCode:NoRole")
    error.error_code = "NoRole"
    assert read_reasons(error) == [Reason("NoRole", "This request is not authorized.")]


def test_errors_within_errors_are_read() -> None:
    inner = {"status": "Failed", "error": {"code": "QuotaExceeded", "message": "no cores\r\n  left."}}
    body = {
        "error": {
            "code": "DeploymentFailed",
            "message": "At least one failed.",
            "details": [
                {"code": "Conflict", "message": json.dumps(inner)},
                {"code": "Conflict", "message": json.dumps(inner)},
                {"code": "Outer", "message": "{not JSON", "details": []},
                {"code": "Nested", "message": "see", "details": [{"code": "Deep", "message": "hole"}]},
            ],
        }
    }
    assert list_reasons(body) == [
        Reason("QuotaExceeded", "no cores left."),
        Reason("Outer", "{not JSON"),
        Reason("Deep", "hole"),
    ]
    assert list_reasons(None) == list_reasons([]) == []
