"""Errors that refuse requests, and the problem documents (RFC 9457) with which the service answers."""

import http
import json
from collections.abc import Mapping
from types import MappingProxyType

PROBLEM = "application/problem+json"
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
