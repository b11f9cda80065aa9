"""The requests to Application Insights, and its answers."""

import gzip
import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.parse import urljoin, urlsplit

from .settings import TRACK, Endpoint

SECONDS = 10.0  # time limit for the connection, and for each part of the answer
# Statuses of requests and of single items; the others mean that the items are wrong.
TRANSIENT = (401, 403, 408, 429, 500, 502, 503, 504)
EXHAUSTED = (402, 439)  # the quota of the day is used up
REDIRECTED = (307, 308)
MOST_REDIRECTS = 10  # so that two addresses that name each other do not keep the sender busy
# The domains of Azure Monitor. A redirect from one of them to another server is not followed, as in Microsoft's SDKs.
DOMAINS = (
    *(".applicationinsights.azure.com", ".applicationinsights.azure.us", ".applicationinsights.azure.cn"),
    *(".monitor.azure.com", ".monitor.azure.us", ".monitor.azure.cn", ".services.visualstudio.com"),
)
LONGEST_ANSWER = 1 << 20  # bytes; an answer has up to 100 bytes for each item
LONGEST_PAUSE = 86_400.0  # seconds; a quota is for a day
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


class Redirect(Exception):
    """An exception that is raised when the endpoint names another address, which is its argument."""


class Poster:
    """An object that posts items. If the endpoint has moved, it posts all further items to the new address.

    Requests use the proxy that the variable ``HTTPS_PROXY`` names, except to the servers in ``NO_PROXY``.

    Parameters
    ----------
    endpoint : Endpoint
        The endpoint.
    seconds : float
        The time limit for the connection, and for each part of the answer.
    """

    def __init__(self, endpoint: Endpoint, seconds: float = SECONDS) -> None:
        self._given = self._url = endpoint.url
        self._seconds = seconds
        self._opener = urllib.request.build_opener(_NoRedirects)

    def post(self, items: Sequence[bytes]) -> Reply:
        """Post items, which are JSON objects, and return what the endpoint said about them."""
        body = gzip.compress(b"[" + b",".join(items) + b"]", LEVEL)
        everything = tuple(range(len(items)))
        for _ in range(MOST_REDIRECTS + 1):
            try:
                return self._post(body, len(items))
            except Redirect as redirect:
                self._url = str(redirect)
            except (OSError, HTTPException) as error:  # no connection, or no answer in time
                self._url = self._given  # if the endpoint has moved, the new address may be out of date
                reason = getattr(error, "reason", error)
                return Reply(again=everything, said=type(reason).__name__, failed=True)
        self._url = self._given
        return Reply(again=everything, said=f"more than {MOST_REDIRECTS} redirects", failed=True)

    def _post(self, body: bytes, number: int) -> Reply:
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip", "Accept": "application/json"}
        request = urllib.request.Request(self._url, body, headers)
        try:
            with self._opener.open(request, timeout=self._seconds) as answer:
                return read_reply(answer.status, answer.read(LONGEST_ANSWER), "", number)
        except urllib.error.HTTPError as refused:
            with refused:
                moved = find_redirect(self._url, refused.headers.get("Location", ""))
                if refused.code in REDIRECTED and moved:
                    raise Redirect(moved) from refused
                pause = refused.headers.get("Retry-After", "")
                return read_reply(refused.code, refused.read(LONGEST_ANSWER), pause, number)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    # Python would repeat a redirected POST as a GET, whose answer is not about the items.
    def redirect_request(self, *given: Any) -> None:
        return None


def find_redirect(url: str, location: str) -> str:
    """Return the address to which a redirect leads; "" if it is missing, or the items must not be sent there.

    Parameters
    ----------
    url, location : str
        The address of the request, and the header ``Location`` of the answer.
    """
    try:
        before, after = urlsplit(url), urlsplit(urljoin(url, location))
    except ValueError:
        return ""
    hosts = [(part.hostname or "").rstrip(".") for part in (before, after)]
    trusted = hosts[0] == hosts[1] or all(host.endswith(DOMAINS) for host in hosts)
    if not location or not trusted or after.scheme not in ("https", before.scheme):
        return ""
    return after._replace(path=TRACK).geturl() if after.path in ("", "/") else after.geturl()


def read_reply(status: int, body: bytes, retry_after: str, number: int) -> Reply:
    """Return what an answer says about the items of a request.

    Parameters
    ----------
    status, body, retry_after : int, bytes, str
        The status, the body, and the header ``Retry-After`` of the answer.
    number : int
        The number of items in the request.
    """
    is_number = retry_after.isascii() and retry_after.isdigit()  # "²" is a digit, too
    pause = min(float(retry_after), LONGEST_PAUSE) if is_number else 0.0
    said = "" if status == 200 else f"status {status}"
    if status in EXHAUSTED:
        return Reply(pause=pause, said=said, failed=True)
    if status in TRANSIENT or 300 <= status < 400:  # a redirect that is not followed can be a proxy's
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
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return {}
