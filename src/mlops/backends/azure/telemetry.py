"""Reports of runs for Application Insights: runs as requests, steps as dependencies, and metrics as measurements."""

import json
import logging
import math
import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mlops.backends.azure.connection.refusals import explain_refusals
from mlops.backends.azure.connection.session import AzureSession
from mlops.errors import MlopsError
from mlops.record.ledger import RunRecord, StepRecord
from mlops.record.summary import find_model_version
from mlops.serving.telemetry.settings import CONNECTION_STRING

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import Span

logger = logging.getLogger(__name__)

COMPONENT_API = "2020-02-02"
SECONDS, RETRIES = 5, 1  # time limit for the connection and for the answer, and number of retries
ROLE = "mlops"  # the name on the application map
# These variables turn off the exporter's statistics and remote settings, and are the only way to do so. The statistics
# have their own thread, and after a refused request the exporter would wait 30 seconds for this thread.
QUIET = {
    "APPLICATIONINSIGHTS_SDKSTATS_DISABLED": "true",
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
    "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED": "true",
    "APPLICATIONINSIGHTS_OPENTELEMETRY_RESOURCE_METRIC_DISABLED": "true",
}


class AzureTelemetry:
    """See `mlops.platform.telemetry.Telemetry`.

    Parameters
    ----------
    session : AzureSession
        The workspace whose Application Insights resource gets the reports, unless the environment variable
        ``APPLICATIONINSIGHTS_CONNECTION_STRING`` is set.
    """

    def __init__(self, session: AzureSession) -> None:
        self._session = session

    def record_run(self, run: RunRecord) -> None:
        """See `Telemetry`."""
        try:
            with explain_refusals(self._session, "send the run to Application Insights"):
                sent = self._send(run)
        except (
            MlopsError,
            ValueError,
            KeyError,
        ) as error:  # ValueError and KeyError: the connection string is wrong or missing
            logger.warning("Could not send run %s to Application Insights. %s", run.run_id, error)
            return
        if not sent:
            logger.warning("Application Insights rejected the report of run %s.", run.run_id)

    def _send(self, run: RunRecord) -> bool:
        for name, value in QUIET.items():
            os.environ.setdefault(name, value)
        from azure.monitor.opentelemetry.exporter import AzureMonitorTraceExporter
        from opentelemetry.sdk.trace.export import SpanExportResult

        # not in a background thread, which could end with the process before everything is sent
        exporter = AzureMonitorTraceExporter(
            connection_string=self._find_connection_string(),
            disable_offline_storage=True,
            timeout=SECONDS,
            read_timeout=SECONDS,
            retry_total=RETRIES,
        )
        try:
            return bool(exporter.export(make_spans(run)) is SpanExportResult.SUCCESS)
        finally:
            exporter.shutdown()

    def _find_connection_string(self) -> str:
        if os.environ.get(CONNECTION_STRING):
            return os.environ[CONNECTION_STRING]
        from azure.mgmt.resource import ResourceManagementClient

        workspace = self._session.workspace
        client = ResourceManagementClient(
            self._session.credential, workspace.subscription_id, retry_total=RETRIES, connection_timeout=SECONDS
        )
        component = client.resources.get_by_id(workspace.get_details()["applicationInsights"], COMPONENT_API)
        return str(component.properties["ConnectionString"])


def make_spans(run: RunRecord) -> "list[Span]":
    """Return the OpenTelemetry spans of a finished run: one for the run, then one for each step that ran."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import SpanKind, set_span_in_context

    tracer = TracerProvider(resource=Resource({"service.name": ROLE}), shutdown_on_exit=False).get_tracer(ROLE)
    began = datetime.fromisoformat(run.started)
    own = tracer.start_span(
        run.pipeline, kind=SpanKind.SERVER, attributes=_describe_run(run), start_time=_count_nanoseconds(began)
    )
    spans = [own]
    for step in run.steps:
        if not step.started or step.state == "reused":
            continue
        start = datetime.fromisoformat(step.started)
        span = tracer.start_span(
            step.name,
            context=set_span_in_context(own),
            attributes=_describe_step(step, run),
            start_time=_count_nanoseconds(start),
        )
        _end(span, failed=step.state == "failed", error=step.error, at=start + timedelta(seconds=step.seconds))
        spans.append(span)
    failed = run.state != "succeeded"
    _end(own, failed=failed, error=run.error, at=datetime.fromisoformat(run.finished or run.started))
    return spans


def _end(span: "Span", *, failed: bool, error: str, at: datetime) -> None:
    from opentelemetry.trace import Status, StatusCode

    span.set_status(Status(StatusCode.ERROR, error) if failed else Status(StatusCode.OK))
    span.end(_count_nanoseconds(at))


def _describe_run(run: RunRecord) -> dict[str, str]:
    metrics = {f"{step.name}.{name}": value for step in run.steps for name, value in step.results.items()}
    return {
        "run_id": run.run_id,
        "platform": run.platform,
        "state": run.state,
        "outcome": run.outcome,
        "git_commit": run.git_commit,
        "model_version": str(find_model_version(run) or ""),
        "error": run.error,
        **_list_measurements(metrics),
    }


def _describe_step(step: StepRecord, run: RunRecord) -> dict[str, str]:
    return {
        "run_id": run.run_id,
        "notebook": step.notebook,
        "environment": step.environment,
        "state": step.state,
        "error": step.error,
        **_list_measurements(step.results),
    }


def _list_measurements(results: Mapping[str, object]) -> dict[str, str]:
    numbers = {
        name: float(value) for name, value in results.items() if isinstance(value, int | float) and math.isfinite(value)
    }
    return {"microsoft.custom_measurements": json.dumps(numbers)}


def _count_nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000) * 1_000
