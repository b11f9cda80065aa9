"""A request to a script that reads the body itself, and the answer to it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from .azure import make_flask_request


@dataclass(frozen=True)
class Request:
    """A request to ``/score``.

    Parameters
    ----------
    method, query : str
        The method, and the query string of the URL.
    headers : mapping of str to str
        The headers, with names such as "Content-Type".
    body : bytes
        The body.
    make_raw : callable
        A function that returns the request as an object of Flask, for scripts with ``@rawhttp``.
    """

    method: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    make_raw: Callable[[], Any]


@dataclass(frozen=True)
class Reply:
    """The answer to a request: status, headers and body. The headers lack ``Content-Length``."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def read_request(scope: Mapping[str, Any], body: bytes) -> Request:
    """Return a request, given its ASGI scope and its body."""
    headers, method = read_headers(scope["headers"]), scope["method"]
    raw = partial(make_flask_request, method, scope["path"], scope["query_string"], headers, body)
    return Request(method, scope["query_string"].decode("latin-1"), headers, body, raw)


def read_headers(sent: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return headers in the form of a WSGI server: names such as "X-Ms-Request-Id", and repeated headers joined."""
    found: dict[str, str] = {}
    for name, value in sent:
        key, text = name.decode("latin-1").title(), value.decode("latin-1")
        found[key] = f"{found[key]},{text}" if key in found else text
    return found
