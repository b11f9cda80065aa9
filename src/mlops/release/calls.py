"""HTTP calls to a deployed service."""

import time
from typing import Any
from uuid import uuid4

import requests

from mlops.errors import ServiceUntestedError
from mlops.release.sessions import open_session
from mlops.serving.tracing import REQUEST_ID, TEST

TIMEOUT = (3.05, 10.0)  # time limits in seconds: to connect, and to answer
ATTEMPTS = 5  # only failed connections are retried (refused, reset, DNS, TLS, proxy)
QUOTED = 200  # maximum number of characters of the reason for a refusal in a message
REASONS = ("detail", "error", "message")  # fields with the reason: of images, older images and Azure's server
PROXY_REFUSES = 407  # the status with which a proxy asks for a password; services never send it


def call_service(
    url: str, key: str, body: Any = None, *, raw: bytes | None = None, **headers: str
) -> requests.Response:
    """Send a POST request to ``/score``, and return the answer.

    Parameters
    ----------
    url, key : str
        The address of the service, and one of its keys. With an empty key, the request has no key.
    body : object
        The body of the request, to send as JSON.
    raw : bytes, optional
        Bytes that are sent unchanged instead of `body`.
    **headers
        Headers to set or replace. In their names, ``_`` stands for ``-``.

    Raises
    ------
    ServiceUntestedError
        If the service does not answer.
    """
    sent = {"Authorization": f"Bearer {key}"} if key else {}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    payload = {"data": raw} if raw is not None else {"json": body}
    with open_session(url) as session:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return post_rows(session, url, headers=sent, **payload)
            except requests.ConnectionError as error:
                if attempt == ATTEMPTS:
                    raise explain_silence(url, error) from error
                time.sleep(0.2 * attempt)
            except requests.RequestException as error:
                raise explain_silence(url, error) from error
    raise AssertionError("unreachable")


def post_rows(session: requests.Session, url: str, **options: Any) -> requests.Response:
    """Send one request to ``/score``, and return the answer. Raise an error if a proxy asks for a password."""
    # The id tells the service that its rows are not those of a client.
    headers = {REQUEST_ID.decode(): f"{TEST}{uuid4().hex}", **options.pop("headers", {})}
    answer = session.post(f"{url}/score", timeout=TIMEOUT, headers=headers, **options)
    if answer.status_code == PROXY_REFUSES:
        raise ServiceUntestedError(
            f"The proxy for {url} requires a password. Add the service to NO_PROXY, or a password to HTTPS_PROXY."
        )
    return answer


def describe_status(answer: requests.Response) -> str:
    """Return the status of an answer and, if the request was refused, the reason that the body gives."""
    if answer.ok:
        return f"status {answer.status_code}"
    try:
        content = answer.json()
    except (ValueError, RecursionError):
        content = None
    said = content if isinstance(content, dict) else {}
    reason = " ".join(str(next((said[name] for name in REASONS if said.get(name)), "")).split())
    return f"status {answer.status_code}" + (f" ({reason[:QUOTED].removesuffix('.')})" if reason else "")


def explain_silence(url: str, error: requests.RequestException) -> ServiceUntestedError:
    """Return an error that says why a request to a service got no answer."""
    if isinstance(error, requests.ReadTimeout):
        return ServiceUntestedError(f"{url} did not answer within {TIMEOUT[1]:g} s.")
    return ServiceUntestedError(f"{url} does not answer ({_find_root_cause(error)}).")


def _find_root_cause(error: requests.RequestException) -> str:
    first: BaseException = error
    while earlier := first.__cause__ or first.__context__:
        first = earlier
    reason = (isinstance(first, OSError) and first.strerror) or str(first) or type(first).__name__
    return f"the proxy: {reason}" if isinstance(error, requests.exceptions.ProxyError) else reason
