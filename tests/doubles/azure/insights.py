"""Application Insights: the component in Resource Manager, and the endpoint that accepts telemetry."""

import gzip
import json
import re
from typing import TYPE_CHECKING, Any

from doubles.azure.names import ARM, GROUP_ID, INSIGHTS
from doubles.azure.routing import Request, Response, make_error

if TYPE_CHECKING:
    from doubles.azure.azure import Azure

KEY = "55555555-5555-5555-5555-555555555555"
INGESTION = "westeurope-5.in.applicationinsights.azure.com"
CONNECTION_STRING = (
    f"InstrumentationKey={KEY};IngestionEndpoint=https://{INGESTION}/;"
    "LiveEndpoint=https://westeurope.livediagnostics.monitor.azure.com/"
)
COMPONENT = f"{GROUP_ID}/providers/microsoft.insights/components/{INSIGHTS}"
KINDS = {"RequestData", "RemoteDependencyData", "ExceptionData", "MessageData", "MetricData", "EventData"}
DURATION = re.compile(r"\d+\.\d\d:\d\d:\d\d\.\d{3,7}")


class Insights:
    """The service, which stores the accepted telemetry with one dictionary per item."""

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []

    def install(self, azure: "Azure") -> None:
        azure.route("GET", rf"(?i){re.escape(ARM + COMPONENT)}")(self._describe)
        azure.route("POST", rf"{re.escape(INGESTION)}/v2\.1/track")(self._take)

    def _describe(self, request: Request) -> Response:
        if "api-version" not in request.query:
            return make_error(400, "MissingApiVersionParameter", "The api-version query parameter is required.")
        properties = {"InstrumentationKey": KEY, "ConnectionString": CONNECTION_STRING}
        return Response(body={"id": COMPONENT, "name": INSIGHTS, "kind": "web", "properties": properties})

    def _take(self, request: Request) -> Response:
        body = request.body
        if request.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        items = json.loads(body)
        errors = [
            {"index": index, "statusCode": 400, "message": message}
            for index, item in enumerate(items)
            if (message := find_fault(item))
        ]
        refused = {error["index"] for error in errors}
        self.items += [item for index, item in enumerate(items) if index not in refused]
        counts = {"itemsReceived": len(items), "itemsAccepted": len(items) - len(errors), "errors": errors}
        return Response(206 if errors else 200, counts)


def find_fault(item: dict[str, Any]) -> str:
    """Return why an item is refused, or nothing. The rules are those of Microsoft's schemas for telemetry."""
    data = item.get("data", {})
    base = data.get("baseData", {})
    if item.get("iKey") != KEY:
        return "Invalid instrumentation key"
    if data.get("baseType") not in KINDS:
        return f"107: Field 'baseType' on type 'Data' has no known value: {data.get('baseType')!r}"
    if data["baseType"] in ("RequestData", "RemoteDependencyData") and not DURATION.fullmatch(base["duration"]):
        return f"109: Field 'duration' is not d.hh:mm:ss.fffffff: {base['duration']!r}"
    long = [name for name, value in base.get("properties", {}).items() if len(str(value)) > 8192]
    return f"108: properties are too long: {long}" if long else ""
