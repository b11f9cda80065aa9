"""The web service: ``POST /score`` with ``{"data": [[…], …]}`` answers ``{"result": […]}``.

================  ===============================================================================================
status            when
================  ===============================================================================================
200               scored; ``GET /healthz`` and ``GET /readyz`` answer 200 without a key
400, 422          the body is not JSON; it is JSON, but not the rows of finite numbers that the model needs
401               no key, or a wrong one (``Authorization: Bearer <key>``)
404, 405          another path; another method
408, 413, 415     the body arrived too slowly; is too large; is not ``application/json``
500               the scoring script failed; the log has the error
================  ===============================================================================================
"""

import asyncio
import hmac
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

MAX_BODY = 8 << 20  # maximum size of a body in bytes
BODY_SECONDS = 5.0
JSON = (b"content-type", b"application/json")
Numbers = NDArray[np.float64]
Run = Callable[[Numbers], Numbers]

logger = logging.getLogger("serving")


class _Request(msgspec.Struct, forbid_unknown_fields=True):
    data: list[list[float]]


class Refusal(Exception):
    """The refusal of a request, with its HTTP `status` and a message for the client."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Application:
    """The web service as an ASGI application.

    Parameters
    ----------
    run : callable
        The scoring script's ``run``. It takes an array of shape (n, k) and returns an array of shape (n,). For wrong
        rows, it raises ValueError.
    keys : sequence of str
        The keys that ``/score`` accepts.
    identity : mapping
        The digest, name and model version of the image. ``/healthz`` and ``/readyz`` report them.
    """

    run: Run
    keys: Sequence[str]
    identity: dict[str, Any]

    async def __call__(self, scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Any) -> None:
        if scope["type"] != "http":
            return
        extra: list[tuple[bytes, bytes]] = []
        try:
            status, answer = 200, await self._answer(scope, receive)
        except Refusal as refusal:
            status, answer = refusal.status, encode_refusal(refusal)
            if status == 401:
                extra = [(b"www-authenticate", b"Bearer")]
        length = (b"content-length", str(len(answer)).encode())
        await send({"type": "http.response.start", "status": status, "headers": [JSON, length, *extra]})
        await send({"type": "http.response.body", "body": answer})

    async def _answer(self, scope: dict[str, Any], receive: Callable[[], Awaitable[Any]]) -> bytes:
        path, method = scope["path"], scope["method"]
        if path in ("/", "/healthz", "/readyz"):
            if method not in ("GET", "HEAD"):
                raise Refusal(405, f"{path} does not accept {method}. Use GET.")
            return json.dumps({"status": "ready", **self.identity}).encode()
        if path != "/score":
            raise Refusal(404, f"There is no {path}. POST to /score.")
        if method != "POST":
            raise Refusal(405, f"/score does not accept {method}. Use POST.")
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        self._check_key(headers.get(b"authorization", "").encode("latin-1"))
        check_content(headers.get(b"content-type", ""), headers.get(b"content-length", ""))
        _, predictions = score(self.run, await _read_body(receive))
        return encode_result(predictions)

    def _check_key(self, header: bytes) -> None:
        scheme, _, sent = header.partition(b" ")
        known = [hmac.compare_digest(sent.strip(), key.encode()) for key in self.keys]
        if scheme.lower() != b"bearer" or not any(known):
            raise Refusal(401, "The key is missing or wrong. Send the header Authorization: Bearer <key>.")


def check_content(content_type: str, length: str) -> None:
    """Check the headers of a request before its body is read.

    Raises
    ------
    Refusal
        If the headers say that the body is not JSON, or is too large.
    """
    if content_type.split(";")[0].strip().lower() != "application/json":
        raise Refusal(415, "The body must be JSON. Send the header Content-Type: application/json.")
    if length.isdigit():
        check_size(int(length))


def check_size(size: int) -> None:
    """Check the size of a body in bytes.

    Raises
    ------
    Refusal
        If the body is too large.
    """
    if size > MAX_BODY:
        raise Refusal(413, f"The body has more than {MAX_BODY} bytes. Send fewer rows at a time.")


def score(run: Run, body: bytes) -> tuple[Numbers, Numbers]:
    """Score the rows of a body.

    Parameters
    ----------
    run : callable
        The scoring script's ``run``, as for `Application`.
    body : bytes
        ``{"data": [[number, ...], ...]}``.

    Returns
    -------
    rows, predictions : array of shape (n, k), array of shape (n,)
        The rows and their predictions. All numbers are finite.

    Raises
    ------
    Refusal
        With status 400, 422 or 500, as in the table at the top of this module.
    """
    rows = _parse_rows(body)
    try:
        result = run(rows)
    except ValueError as error:
        raise Refusal(422, str(error)) from error
    except Exception as error:  # the user's script may raise any error, but the client must get an answer
        logger.exception("the scoring script failed")
        raise Refusal(500, "Scoring failed. The service's log has the error.") from error
    predictions = np.asarray(result, dtype=np.float64)
    if not np.isfinite(predictions).all():
        raise Refusal(422, "data has numbers that are too large for the model.")
    return rows, predictions


def encode_result(predictions: Numbers) -> bytes:
    """Return the body of an answer that contains predictions."""
    return msgspec.json.encode({"result": predictions.tolist()})


def encode_refusal(refusal: Refusal) -> bytes:
    """Return the body of an answer that refuses the request."""
    return json.dumps({"error": str(refusal)}).encode()


def _parse_rows(body: bytes) -> Numbers:
    try:
        rows = msgspec.json.decode(body, type=_Request).data
    except msgspec.ValidationError as error:
        raise Refusal(422, f'{error}. Send {{"data": [[number, ...], ...]}}.') from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise Refusal(400, f"The body is not JSON: {error}.") from error
    if not rows:
        raise Refusal(422, "data has no rows.")
    if len({len(row) for row in rows}) > 1:
        raise Refusal(422, "The rows of data have different lengths.")
    array = np.array(rows, dtype=np.float64)
    if not np.isfinite(array).all():
        raise Refusal(422, "data has a number that is too large for a float.")
    return array


async def _read_body(receive: Callable[[], Awaitable[Any]]) -> bytes:
    chunks: list[bytes] = []
    size, more = 0, True
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Refusal(400, "The client disconnected.")
                chunks.append(message.get("body", b""))
                size += len(chunks[-1])
                more = message.get("more_body", False)
                check_size(size)
    except TimeoutError as error:
        raise Refusal(408, f"The body did not arrive within {BODY_SECONDS:.0f} s.") from error
    return b"".join(chunks)
