"""Errors that refuse requests, the problem documents (RFC 9457) that report them, and the values in their messages."""

import http
import json
import sys
from collections.abc import Iterable, Mapping
from types import MappingProxyType

PROBLEM = "application/problem+json"
LONGEST_VALUE = 40  # maximum number of characters of a value in a message
MOST_NAMES = 10  # in a message
NOTHING: Mapping[str, str] = MappingProxyType({})


class Refusal(Exception):
    """An error that refuses a request, or reports that the service failed to answer it.

    Parameters
    ----------
    status : int
        The HTTP status of the answer.
    message : str
        A message for the client: what is wrong, and what to send instead.
    details : mapping
        The place of the error, as far as it is known: the index of the row ("row"), the "column", the "value" and the
        broken "rule". The rules are "columns", "type", "missing", "range", "values", "repeated" and "rows".
    headers : mapping of str to str
        Additional headers of the answer, such as ``Allow`` and ``Retry-After``.
    reason : str
        The reason in the metrics, from `serving.metrics.declared.REASONS`; empty if the status or the rule gives it.
    cause : Exception, optional
        The error that made the service fail.
    """

    def __init__(
        self,
        status: int,
        message: str,
        details: Mapping[str, object] = NOTHING,
        headers: Mapping[str, str] = NOTHING,
        reason: str = "",
        cause: Exception | None = None,
    ) -> None:
        super().__init__(message)
        self.__cause__ = cause
        self.status = status
        self.details = details
        self.headers = headers
        self.reason = reason


def encode_refusal(refusal: Refusal, request_id: str = "") -> bytes:
    """Return the problem document for a refusal, which is the body of an answer with the content type `PROBLEM`."""
    title = http.HTTPStatus(refusal.status).phrase
    document = {"type": "about:blank", "title": title, "status": refusal.status, "detail": str(refusal)}
    named = {"request_id": request_id} if request_id else {}
    return json.dumps({**document, **refusal.details, **named}).encode()


def quote_value(value: object) -> str:
    """Return a value as text for a message: as JSON, shortened if it is long, or as "a list", "too large" etc."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    if isinstance(value, int | float) and abs(value) > sys.float_info.max:
        return "too large" if value > 0 else "too small"
    if isinstance(value, str):
        return json.dumps(shorten(value), ensure_ascii=False)
    return shorten(json.dumps(value))


def shorten(text: str) -> str:
    """Return a text of a message, cut after `LONGEST_VALUE` characters."""
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def join_names(names: Iterable[str]) -> str:
    """Return names as text for a message: the first `MOST_NAMES` of them, and the number of the others."""
    listed = [*names]
    rest = len(listed) - MOST_NAMES
    return ", ".join(listed[:MOST_NAMES]) + (f" and {rest} more" if rest > 0 else "")
