"""The test of a deployed web service. It sends the same HTTP requests as any client."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import requests
from numpy.typing import ArrayLike

from mlops.errors import PlatformError, ServiceTestFailed, ServiceUntestedError
from mlops.platform.images import Images
from mlops.platform.services import Judgement, Services
from mlops.release.bad_requests import list_bad_requests, make_record
from mlops.release.calls import call_service, describe_status, explain_silence, post_rows
from mlops.release.next_release import name_image
from mlops.release.predictions import Prediction, agree, quote_answer, read_predictions, show_predictions
from mlops.release.sessions import open_session
from mlops.serving.schema import SCHEMA, Answer, Schema, decode_schema

Row = Sequence[float] | Mapping[str, object]  # a row of a request


@dataclass(frozen=True)
class Check:
    """One check of a service, with the expected and the actual answer, and whether they agree."""

    name: str
    expected: str
    seen: str
    passed: bool


@dataclass(frozen=True)
class NoAnswer(Check):
    """A failed check whose request got no answer."""


@dataclass(frozen=True)
class Latency:
    """The response times of a service: the 50th, 95th and 99th percentiles, in milliseconds.

    `requests` is the number of requests that the service answered. If a request fails, the percentiles are NaN, and
    `failures` has the failed check.
    """

    requests: int
    p50: float
    p95: float
    p99: float
    failures: tuple[Check, ...] = ()


def read_image_schema(images: Images, digest: str) -> Schema | None:
    """Return the schema of an image; None if the image is old, or if its script reads request bodies itself."""
    content = images.read_file(images.get_image(digest), SCHEMA)
    return decode_schema(content) if content else None


def run_checks(
    url: str, key: str, rows: Sequence[Row], expected: ArrayLike, schema: Schema | None = None
) -> list[Check]:
    """Check that a service returns the predictions of its model and refuses bad requests.

    Parameters
    ----------
    url, key : str
        The URL of the service, and one of its keys.
    rows : sequence of list or dict, length n
        The rows to send.
    expected : array of shape (n,) or (n, classes)
        The predictions of the registered model for these rows.
    schema : Schema, optional
        The schema of the image. None if the service does not check the bodies of requests; then only requests without
        a valid key are expected to be refused.

    Returns
    -------
    list of Check
        All checks, both passed and failed. If the service stops answering, the last check is a `NoAnswer`.
    """
    checks: list[Check] = []
    try:
        checks += check_predictions(url, key, rows, expected, schema)
        checks.extend(check_refusals(url, key, rows, schema))  # keeps the checks before a missing answer
    except ServiceUntestedError as error:
        checks.append(NoAnswer("answers", "an answer", str(error), passed=False))
    return checks


def check_predictions(
    url: str, key: str, rows: Sequence[Row], expected: ArrayLike, schema: Schema | None = None
) -> list[Check]:
    """Check that a service returns the expected predictions for rows, and return the checks.

    If the features are all numbers, the rows are sent a second time, as records.
    """
    kind = schema.answer if schema else Answer()
    answer = call_service(url, key, {"data": rows})
    checks = [_check_status(f"{len(rows)} rows with the key", answer, 200)]
    seen = read_predictions(answer, kind.kind)
    if seen is None:
        wanted = f"{len(rows)} {'numbers' if kind.kind == 'number' else 'predictions'}"
        return [*checks, Check("as many predictions as rows", wanted, quote_answer(answer), passed=False)]
    count = len(seen)
    checks.append(Check("as many predictions as rows", str(len(rows)), str(count), count == len(rows)))
    checks.append(_compare("predictions of the registered model", expected, seen, kind))
    if schema and schema.only_numbers:
        answer = call_service(url, key, {"data": [make_record(schema, row) for row in rows]})
        found = read_predictions(answer, kind.kind) or []
        checks.append(_compare("the same predictions for records", expected, found, kind))
    return checks


def _compare(name: str, expected: ArrayLike, seen: Sequence[Prediction], kind: Answer) -> Check:
    return Check(name, *show_predictions(expected, seen, kind), agree(expected, seen, kind))


def check_refusals(url: str, key: str, rows: Sequence[Row], schema: Schema | None = None) -> Iterator[Check]:
    """Send bad requests to a service, and yield checks of the status codes with which it refuses them."""
    good = {"data": rows}
    ask = partial(call_service, url)
    yield _check_status("no key", ask("", good), 401)
    yield _check_status("a wrong key", ask("not-the-key", good), 401)
    if schema is None:
        return  # the script decides what else it refuses
    yield _check_status("not JSON", ask(key, raw=b"{data", Content_Type="application/json"), 400)
    yield _check_status("another content type", ask(key, raw=b"data", Content_Type="text/plain"), 415)
    for name, body in list_bad_requests(schema, rows):
        yield _check_status(name, ask(key, body), 422)


def measure_latency(url: str, key: str, rows: Sequence[Row], count: int) -> Latency:
    """Send `count` requests one after another, each with all `rows`, and return the percentiles of the response times.

    Stop at the first request that is refused or gets no answer. Then the percentiles are NaN.
    """
    times: list[float] = []
    with open_session(url) as session:
        for number in range(1, count + 1):
            began = time.perf_counter()
            check = _check_one_request(session, f"request {number} of {count}", url, key, rows)
            if not check.passed:
                return Latency(len(times), math.nan, math.nan, math.nan, (check,))
            times.append((time.perf_counter() - began) * 1000)
    p50, p95, p99 = np.percentile(times, [50, 95, 99])
    return Latency(count, float(p50), float(p95), float(p99))


def _check_one_request(session: requests.Session, name: str, url: str, key: str, rows: Sequence[Row]) -> Check:
    try:
        answer = post_rows(session, url, json={"data": rows}, headers={"Authorization": f"Bearer {key}"})
    except requests.RequestException as error:
        return NoAnswer(name, "an answer", str(explain_silence(url, error)), passed=False)
    except ServiceUntestedError as error:
        return NoAnswer(name, "an answer", str(error), passed=False)
    return _check_status(name, answer, 200)


def conclude_test(services: Services, environment: str, digest: str, url: str, checks: Sequence[Check]) -> None:
    """Record the result of the test of a service, and raise an error if the test failed.

    Parameters
    ----------
    services : Services
        The services of the platform.
    environment, digest, url : str
        The environment of the tested service, the digest of its image, and its URL.
    checks : sequence of Check
        All checks of the service.

    Raises
    ------
    ServiceUntestedError
        If the service does not answer although it may be running, or if another image was deployed in the meantime. In
        both cases, the result is not recorded.
    ServiceTestFailed
        If the test failed. If the tested service was in production, the previous service has been restored, unless the
        message says otherwise.
    """
    failed = [check for check in checks if not check.passed]
    silent = failed[0].seen if failed and all(isinstance(check, NoAnswer) for check in failed) else ""
    try:
        judged = _record_result(services, environment, digest, passed=not failed, silent=silent)
    except ServiceTestFailed as error:  # the error of the platform does not list the failed checks
        raise ServiceTestFailed("\n".join([str(error), *_list_failed(checks)])) from error
    model = judged.serving.model if judged.serving else "nothing"
    now = f"{environment} now serves {model}"
    if judged.kind == "unanswered":
        raise ServiceUntestedError(
            f"{silent} But the platform reports that {model} runs in {environment}, so nothing was changed. "
            "Check the network and the proxy between here and the service, then run `mlops resume`."
        )
    if judged.kind == "replaced":
        raise ServiceUntestedError(
            f"Another deployment has replaced the image that was tested, so the result is not recorded: {now}. "
            f"`mlops run release{name_image(digest)}{services.command_options}` deploys and tests it again."
        )
    require_passed(checks, url, now, judged.log)


def _record_result(services: Services, environment: str, digest: str, *, passed: bool, silent: str) -> Judgement:
    try:
        return services.record_test(environment, digest, passed=passed, answered=not silent)
    except PlatformError as error:  # raised before anything was changed; see `Services.record_test`
        if not silent:
            raise
        raise ServiceUntestedError(
            f"{silent} The platform could not be reached, either, so nothing was changed. {error}"
        ) from error


def require_passed(checks: Sequence[Check], url: str, consequence: str, log: str = "") -> None:
    """Raise an error if any check failed.

    Raises
    ------
    ServiceTestFailed
        If any check failed. The message has three parts: `consequence` (what the environment serves now), the failed
        checks, and `log` (the end of the service's log).
    """
    if failed := _list_failed(checks):
        count = f"{len(failed)} check{'s' * (len(failed) > 1)}"
        raise ServiceTestFailed("\n".join(filter(None, [f"{url} fails {count}, and {consequence}:", *failed, log])))


def _list_failed(checks: Sequence[Check]) -> list[str]:
    silences = {check.seen: check for check in reversed(checks) if isinstance(check, NoAnswer)}
    failed = [check for check in checks if not check.passed and silences.get(check.seen, check) is check]
    return [f"  {check.name}: expected {check.expected}, saw {check.seen}" for check in failed]


def _check_status(name: str, answer: requests.Response, status: int) -> Check:
    passed = answer.status_code == status
    return Check(name, f"status {status}", f"status {status}" if passed else describe_status(answer), passed)
