"""Requests, responses, and the routes from requests to services."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(frozen=True)
class Request:
    """A request to Azure.

    Parameters
    ----------
    method : str
        "GET".
    host, path : str
        The destination; the path is unquoted and has no query.
    target : str
        Path and query as they were sent.
    headers : mapping
        By name, in any case.
    body : bytes
        As sent.
    found : match, optional
        The match of the route's pattern in ``host + path``; the services read ids from its groups.
    """

    method: str
    host: str
    path: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    found: "re.Match[str] | None" = None

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)

    @property
    def query(self) -> dict[str, str]:
        """The query's first values by name."""
        pairs = parse_qs(urlsplit(self.target).query, keep_blank_values=True)
        return {name: values[0] for name, values in pairs.items()}

    def __getitem__(self, group: str) -> str:
        """A named group of the route's pattern."""
        assert self.found is not None
        return self.found[group]


@dataclass(frozen=True)
class Response:
    """An answer. A `body` of bytes is sent unchanged, None is empty, and anything else is sent as JSON."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def encode(self) -> bytes:
        """The bytes of the body."""
        if isinstance(self.body, bytes):
            return self.body
        return b"" if self.body is None else json.dumps(self.body).encode()


class Drop(Exception):
    """Raised by a handler to close the connection without an answer."""


Handler = Callable[[Request], Response]


@dataclass
class Fault:
    """Answers the next `times` requests that match with `response`; None drops the connection."""

    method: str
    pattern: "re.Pattern[str]"
    response: Response | None
    times: int


@dataclass(frozen=True)
class Exchange:
    """A request with the status of its answer; 0: the connection was dropped."""

    request: Request
    status: int


def make_error(status: int, code: str, message: str) -> Response:
    """Return an error in a form that the SDKs can read; they need the empty details."""
    return Response(status, {"error": {"code": code, "message": message, "details": []}})


def read_url(method: str, url: str, headers: Mapping[str, str], body: bytes) -> Request:
    """Return the request that a client sent."""
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    return Request(method, parts.netloc, unquote(parts.path), target, headers, body)
