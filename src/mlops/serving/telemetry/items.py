"""Reports and metrics as telemetry items, in the format that Application Insights accepts."""

# https://learn.microsoft.com/azure/azure-monitor/app/data-model-complete

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from .reports import FailureReport, Report, RequestReport

VERSION = 2  # the version of the format
OPERATION = "POST /score"
FAILED = 400  # the lowest status of a request that failed


@dataclass(frozen=True)
class Origin:
    """The origin of items: a resource of Application Insights, a service and a machine.

    Parameters
    ----------
    key : str
        The instrumentation key of the Application Insights resource.
    role, instance : str
        The names of the service and of the machine, as the application map shows them.
    version : str
        The version of the model.
    properties : dict of str to str
        The properties of each item.
    """

    key: str
    role: str = ""
    instance: str = ""
    version: str = ""
    properties: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """The value of a metric: the value of a gauge, the increase of a counter, or the sum of several observations.

    Parameters
    ----------
    name : str
        The name of the metric.
    value : float
        The value.
    labels : dict of str to str
        The labels of the value.
    count : int
        The number of observations.
    lowest, highest : float, optional
        The range of the observations, if there are several. It is as exact as the bins of the histogram.
    """

    name: str
    value: float
    labels: dict[str, str] = field(default_factory=dict)
    count: int = 1
    lowest: float | None = None
    highest: float | None = None


def describe_request(report: RequestReport, origin: Origin, share: float) -> dict[str, Any]:
    """Return the item for a request, given the share of the requests that are reported."""
    operation, span, parent = _identify(report)
    data: dict[str, Any] = {
        "ver": VERSION,
        "id": span,
        "name": OPERATION,
        "duration": write_duration(report.seconds),
        "responseCode": str(report.status),
        "success": report.status < FAILED,
        "properties": {**origin.properties, "request_id": report.request},
    }
    if report.rows:
        data["measurements"] = {"rows": report.rows}
    tags = {"ai.operation.name": OPERATION, "ai.operation.id": operation}
    if parent:
        tags["ai.operation.parentId"] = parent
    return {**_wrap("Request", "RequestData", data, report.time, origin, tags), "sampleRate": 100 * share}


def describe_failure(report: FailureReport, origin: Origin) -> dict[str, Any]:
    """Return the item for an error."""
    operation, span, _ = _identify(report)
    frames = [
        {"level": level, "method": frame.function, "assembly": "", "fileName": frame.file, "line": frame.line}
        for level, frame in enumerate(reversed(report.frames))  # the innermost first
    ]
    place = f" in {frames[0]['method']} ({frames[0]['fileName']}:{frames[0]['line']})" if frames else ""
    said = {"typeName": report.error, "message": report.error + place, "hasFullStack": True, "parsedStack": frames}
    data = {
        "ver": VERSION,
        "exceptions": [{"id": 1, **said}],
        "severityLevel": "Error",
        "problemId": report.error + place,
        "properties": {**origin.properties, "request_id": report.request},
    }
    tags = {"ai.operation.name": OPERATION, "ai.operation.id": operation, "ai.operation.parentId": span}
    return _wrap("Exception", "ExceptionData", data, report.time, origin, tags)


def describe_metric(measured: Measured, time: float, origin: Origin) -> dict[str, Any]:
    """Return the item for the value of a metric. `time` is in seconds since 1970."""
    point: dict[str, Any] = {"name": measured.name, "value": measured.value, "count": measured.count}
    if measured.lowest is not None and measured.highest is not None:
        point |= {"min": measured.lowest, "max": measured.highest}
    data = {"ver": VERSION, "metrics": [point], "properties": {**origin.properties, **measured.labels}}
    return _wrap("Metric", "MetricData", data, time, origin, {})


def write_duration(seconds: float) -> str:
    """Return a duration in the format d.hh:mm:ss.ffffff."""
    found = timedelta(seconds=seconds)
    minutes, rest = divmod(found.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{found.days}.{hours:02}:{minutes:02}:{rest:02}.{found.microseconds:06}"


def _identify(report: Report) -> tuple[str, str, str]:
    """Return the ids of the operation, the request and its parent. Without ``traceparent``, the last one is empty."""
    _, operation, parent, *_ = (*report.trace.split("-"), "", "", "")
    found = sha256(f"{report.trace} {report.request}".encode()).hexdigest()  # the same for a request and its failure
    return operation or found[:32], found[32:48], parent


def _wrap(
    name: str, kind: str, data: dict[str, Any], time: float, origin: Origin, tags: dict[str, str]
) -> dict[str, Any]:
    own = {"ai.cloud.role": origin.role, "ai.cloud.roleInstance": origin.instance, "ai.application.ver": origin.version}
    return {
        "ver": 1,
        "name": f"Microsoft.ApplicationInsights.{name}",
        "time": datetime.fromtimestamp(time, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "iKey": origin.key,
        "tags": {**own, **tags},
        "data": {"baseType": kind, "baseData": data},
    }
