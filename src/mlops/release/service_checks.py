"""The test of a deployed web service: called over HTTP, as a client would call it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import requests
from numpy.typing import ArrayLike

from mlops.errors import ServiceTestFailed

TIMEOUT = (3.05, 10.0)  # seconds to connect, and to answer
ATTEMPTS = 5  # where the connection is refused; an answer of any kind is final
RELATIVE_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Check:
    """One question put to the service: what was asked, the answer expected, the answer seen, and whether it fits."""

    name: str
    expected: str
    seen: str
    passed: bool


@dataclass(frozen=True)
class Latency:
    """Time from request to answer, in milliseconds, over `requests` requests."""

    requests: int
    p50: float
    p95: float
    p99: float


def call_service(
    url: str, key: str, body: Any = None, *, raw: bytes | None = None, **headers: str
) -> requests.Response:
    """Post to ``/score``.

    Parameters
    ----------
    url, key : str
        The service, and one of its keys; no key is sent where it is empty.
    body : object
        Sent as JSON.
    raw : bytes, optional
        Sent as it is, in place of `body`.
    **headers
        Replace the usual ones; ``_`` stands for ``-``.

    Raises
    ------
    ServiceTestFailed
        If there is no answer.
    """
    sent = {"Authorization": f"Bearer {key}"} if key else {}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    payload = {"data": raw} if raw is not None else {"json": body}
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return requests.post(f"{url}/score", headers=sent, timeout=TIMEOUT, **payload)  # type: ignore[arg-type]
        except requests.ConnectionError as error:
            if attempt == ATTEMPTS:
                raise ServiceTestFailed(
                    f"{url} does not answer ({error}); is it running? `mlops status` tells"
                ) from error
            time.sleep(0.2 * attempt)
        except requests.Timeout as error:
            raise ServiceTestFailed(f"{url} took longer than {TIMEOUT[1]:g} s to answer") from error
    raise AssertionError("unreachable")


def run_checks(url: str, key: str, rows: Sequence[Sequence[float]], expected: ArrayLike) -> list[Check]:
    """Check a service: that it predicts as its model does, and that it refuses bad requests.

    Parameters
    ----------
    url, key : str
        The service, and one of its keys.
    rows : sequence of shape (n, k)
        What is sent.
    expected : array of shape (n,)
        The model's own predictions of these rows.

    Returns
    -------
    list of Check
        Passed and failed ones; a service that does not answer is one failed check.
    """
    try:
        return check_predictions(url, key, rows, expected) + check_refusals(url, key, rows)
    except ServiceTestFailed as error:
        return [Check("answers", "an answer", str(error), passed=False)]


def check_predictions(url: str, key: str, rows: Sequence[Sequence[float]], expected: ArrayLike) -> list[Check]:
    """Check that rows sent come back as the registered model's predictions; see `run_checks`."""
    wanted = np.asarray(expected, dtype=float)
    answer = call_service(url, key, {"data": rows})
    checks = [_check_status(f"{len(rows)} rows with the key", answer, 200)]
    result = answer.json().get("result") if answer.ok else None
    count = len(result) if isinstance(result, list) else 0
    checks.append(Check("as many predictions as rows", str(len(rows)), str(count), count == len(rows)))
    same = (
        isinstance(result, list)
        and count == len(rows)
        and np.allclose(np.asarray(result, dtype=float), wanted, rtol=RELATIVE_TOLERANCE, atol=0)
    )
    seen = np.round(result, 3).tolist() if isinstance(result, list) and count else "none"
    checks.append(Check("predictions of the registered model", str(wanted.round(3).tolist()), str(seen), bool(same)))
    return checks


def check_refusals(url: str, key: str, rows: Sequence[Sequence[float]]) -> list[Check]:
    """Check that bad requests are refused, each with the status that says why."""
    good = {"data": rows}
    short = {"data": [row[:-1] for row in rows]}
    text = {"data": [[str(value) for value in row] for row in rows]}
    ragged = {"data": [rows[0], rows[-1][:-1]]}
    asked = [
        ("no key", 401, call_service(url, "", good)),
        ("a wrong key", 401, call_service(url, "not-the-key", good)),
        ("not JSON", 400, call_service(url, key, raw=b"{data", Content_Type="application/json")),
        ("another content type", 415, call_service(url, key, raw=b"data", Content_Type="text/plain")),
        ("no rows", 422, call_service(url, key, {"data": []})),
        ("a column too few", 422, call_service(url, key, short)),
        ("text for numbers", 422, call_service(url, key, text)),
        ("rows of unequal length", 422, call_service(url, key, ragged)),
    ]
    return [_check_status(name, answer, status) for name, status, answer in asked]


def measure_latency(url: str, key: str, rows: Sequence[Sequence[float]], count: int) -> Latency:
    """Send `rows` `count` times, one after another, and return the percentiles of the time to the answer."""
    times = []
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {key}"
        for _ in range(count):
            began = time.perf_counter()
            session.post(f"{url}/score", json={"data": rows}, timeout=TIMEOUT).raise_for_status()
            times.append((time.perf_counter() - began) * 1000)
    p50, p95, p99 = np.percentile(times, [50, 95, 99])
    return Latency(count, float(p50), float(p95), float(p99))


def require_passed(checks: Sequence[Check], url: str, consequence: str) -> None:
    """End the notebook red if any check failed.

    Raises
    ------
    ServiceTestFailed
        With every failed check, and `consequence`: what was done about it.
    """
    failed = [f"  {check.name}: expected {check.expected}, saw {check.seen}" for check in checks if not check.passed]
    if failed:
        raise ServiceTestFailed("\n".join([f"{url} fails {len(failed)} check(s); {consequence}:", *failed]))


def _check_status(name: str, answer: requests.Response, status: int) -> Check:
    return Check(name, f"status {status}", f"status {answer.status_code}", answer.status_code == status)
