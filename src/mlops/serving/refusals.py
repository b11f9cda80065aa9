"""The refusal of a request, which becomes a problem document (RFC 9457)."""

import http
import json
from collections.abc import Mapping
from types import MappingProxyType

PROBLEM = "application/problem+json"
NOTHING: Mapping[str, str] = MappingProxyType({})


class Refusal(Exception):
    """The refusal of a request, or the failure to answer it.

    Parameters
    ----------
    status : int
        The HTTP status of the answer.
    message : str
        What is wrong, and what to send instead. The client reads it.
    details : mapping
        What is wrong with a row, as far as it is known: its index ("row"), the "column", the "value" and the broken
        "rule". The rules are "columns", "type", "missing", "range", "values", "repeated" and "rows".
    headers : mapping of str to str
        More headers of the answer, such as ``Allow`` and ``Retry-After``.
    """

    def __init__(
        self,
        status: int,
        message: str,
        details: Mapping[str, object] = NOTHING,
        headers: Mapping[str, str] = NOTHING,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.details = details
        self.headers = headers


def encode_refusal(refusal: Refusal, request_id: str = "") -> bytes:
    """Return the problem document of a refusal: the body of an answer with the content type `PROBLEM`."""
    title = http.HTTPStatus(refusal.status).phrase
    document = {"type": "about:blank", "title": title, "status": refusal.status, "detail": str(refusal)}
    named = {"request_id": request_id} if request_id else {}
    return json.dumps({**document, **refusal.details, **named}).encode()
