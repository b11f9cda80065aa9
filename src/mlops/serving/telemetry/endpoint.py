"""The requests to Application Insights, and its answers."""

import gzip
import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

from .settings import Endpoint

SECONDS = 10.0  # time limit for the connection, and for each part of the answer
# Statuses of requests and of single items; the others mean that the items are wrong.
TRANSIENT = (401, 403, 408, 429, 500, 502, 503, 504)
EXHAUSTED = (402, 439)  # the quota of the day is used up
LEVEL = 1  # from 0 to 9; items compress to a twentieth even at level 1


@dataclass(frozen=True)
class Reply:
    """The answer to a request.

    Parameters
    ----------
    accepted : int
        The number of items that were accepted.
    again : tuple of int
        The indices of the items to send again.
    pause : float
        The seconds that the endpoint asks to wait before the next request; 0 if it does not ask.
    said : str
        The reason why items were not accepted, for the log; empty if all were accepted.
    failed : bool
        Whether the whole request failed and can be repeated, such as when the endpoint is busy.
    """

    accepted: int = 0
    again: tuple[int, ...] = ()
    pause: float = 0.0
    said: str = ""
    failed: bool = False


def post_items(endpoint: Endpoint, items: Sequence[bytes], seconds: float = SECONDS) -> Reply:
    """Post items, which are JSON objects, and return what the endpoint said about them."""
    body = gzip.compress(b"[" + b",".join(items) + b"]", LEVEL)
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip", "Accept": "application/json"}
    request = urllib.request.Request(endpoint.url, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            return read_reply(answer.status, answer.read(), "", len(items))
    except urllib.error.HTTPError as refused:
        with refused:
            return read_reply(refused.code, refused.read(), refused.headers.get("Retry-After", ""), len(items))
    except (OSError, HTTPException) as error:  # no connection, or no answer in time
        reason = getattr(error, "reason", error)
        return Reply(again=tuple(range(len(items))), said=type(reason).__name__, failed=True)


def read_reply(status: int, body: bytes, retry_after: str, number: int) -> Reply:
    """Return what an answer says about the items of a request.

    Parameters
    ----------
    status, body, retry_after : int, bytes, str
        The status, the body, and the header ``Retry-After`` of the answer.
    number : int
        The number of items in the request.
    """
    pause = float(retry_after) if retry_after.isdigit() else 0.0
    said = "" if status == 200 else f"status {status}"
    if status in EXHAUSTED:
        return Reply(pause=pause, said=said, failed=True)
    if status in TRANSIENT:
        return Reply(again=tuple(range(number)), pause=pause, said=said, failed=True)
    if status not in (200, 206):
        return Reply(said=said)
    errors = _read_errors(body, number)
    again = tuple(place for place, found in errors.items() if found in TRANSIENT)
    refused = sorted({*errors.values()})
    return Reply(number - len(errors), again, pause, f"statuses {refused} of items" if refused else "")


def _read_errors(body: bytes, number: int) -> dict[int, int]:
    try:
        found: Any = json.loads(body)
        listed = ((int(one["index"]), int(one["statusCode"])) for one in found.get("errors") or ())
        return {place: status for place, status in listed if 0 <= place < number}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}
