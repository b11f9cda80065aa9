"""The metrics that workers count, and their places in the file of a worker."""

import math
from dataclasses import dataclass
from itertools import accumulate, product
from typing import Literal

OTHER = "other"
PATHS = ("/score", "/", "/livez", "/readyz", "/metrics", "/openapi.json", "/swagger.json", OTHER)
STATUSES = (*map(str, (200, 400, 401, 404, 405, 408, 413, 415, 422, 431, 500, 503)), OTHER)
REASONS = (
    # the broken rules of rows; see `serving.refusals`
    *("columns", "type", "missing", "range", "values", "repeated", "rows"),
    # other faults of a request
    *("key", "path", "method", "content", "size", "head", "malformed", "slow", "script_refused"),
    # reasons of the service
    *("connections", "waiting", "memory", "disk", "draining", "failing"),
    *("script_failed", "script_answer", "failure", OTHER),
)
STEPS = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)  # in each power of ten, so that a quantile is off by at most 25 %


def list_bounds(lowest: int, highest: int) -> tuple[float, ...]:
    """Return the bounds of log-linear bins: linear steps in each power of ten, from 10**lowest to 10**highest."""
    powers = range(lowest, highest)
    steps = (float(f"{step:g}e{power}") for power in powers for step in STEPS)  # without errors of rounding
    return (*steps, float(f"1e{highest}"))


@dataclass(frozen=True, eq=False)  # a key of dictionaries, which are read for each update of a gauge
class Metric:
    """A metric that workers count.

    Parameters
    ----------
    name : str
        The name. For a counter, ``/metrics`` adds ``_total`` to the name.
    kind : str
        "counter", "gauge" or "histogram". The values of all workers are added up, even those of gauges.
    text : str
        A description of what the metric counts.
    labels : tuple of (str, tuple of str)
        The name of each label, and its possible values.
    bounds : tuple of float
        The upper bounds of the bins of a histogram. The last bin, which has no bound, is not listed.
    by_worker : bool
        Whether each worker is reported separately, with the label "worker".
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    text: str
    labels: tuple[tuple[str, tuple[str, ...]], ...] = ()
    bounds: tuple[float, ...] = ()
    by_worker: bool = False

    @property
    def size(self) -> int:
        """The number of places: one per combination of labels or, for a histogram, one for the sum and one per bin."""
        return len(self.bounds) + 2 if self.kind == "histogram" else math.prod(len(values) for _, values in self.labels)

    def list_labels(self) -> list[dict[str, str]]:
        """Return the labels of each place."""
        names = [name for name, _ in self.labels]
        return [dict(zip(names, chosen, strict=True)) for chosen in product(*(values for _, values in self.labels))]


SECONDS = list_bounds(-4, 2)
ROWS = list_bounds(0, 5)

LAYOUT = Metric("mlops_worker_layout", "gauge", "A number that identifies the layout of the file. It is not reported.")
PID = Metric("mlops_worker_pid", "gauge", "The id of the worker's process.", by_worker=True)
STARTS = Metric(
    "mlops_worker_starts",
    "counter",
    "Number of starts of the worker; each one after the first is a restart.",
    by_worker=True,
)
STARTED = Metric(
    "mlops_worker_start_time_seconds", "gauge", "When the worker started, in seconds since 1970.", by_worker=True
)
ANSWERED = Metric(
    "mlops_worker_answers", "counter", "Requests that the worker answered, whatever their path.", by_worker=True
)
READY = Metric("mlops_workers_ready", "gauge", "Workers that are ready to score.")
REQUESTS = Metric("mlops_requests", "counter", "Requests that were answered.", (("path", PATHS), ("status", STATUSES)))
ERRORS = Metric("mlops_errors", "counter", "Requests that were refused or failed, by reason.", (("reason", REASONS),))
DURATION = Metric(
    "mlops_request_duration_seconds",
    "histogram",
    "Time from the end of a request's head to its answer. Only scored requests count.",
    bounds=SECONDS,
)
REQUEST_ROWS = Metric("mlops_request_rows", "histogram", "Rows of each request that was scored.", bounds=ROWS)
BATCH_ROWS = Metric("mlops_batch_rows", "histogram", "Rows of each call of the scoring script.", bounds=ROWS)
SCRIPT = Metric(
    "mlops_script_duration_seconds", "histogram", "Time of each call of the scoring script.", bounds=SECONDS
)
OPENED = Metric("mlops_connections_opened", "counter", "Connections that were accepted.")
CONNECTIONS = Metric("mlops_connections", "gauge", "Connections that are open.")
IN_FLIGHT = Metric(
    "mlops_requests_in_flight",
    "gauge",
    "Requests whose head has arrived, but that are not answered yet, except usual requests to /score.",
)
WAITING = Metric("mlops_requests_waiting", "gauge", "Requests that have arrived completely, but are not answered yet.")
HELD = Metric("mlops_held_bytes", "gauge", "Memory for requests that are not answered yet.")
COLLECTED_ROWS = Metric("mlops_collection_rows", "counter", "Rows that were collected.")
DROPPED_ROWS = Metric("mlops_collection_dropped_rows", "counter", "Rows that were lost because there was no space.")
DROPPED_SEGMENTS = Metric(
    "mlops_collection_dropped_segments", "counter", "Segments that were deleted before their upload, to make room."
)
REFUSED = Metric(
    "mlops_collection_refused_requests", "counter", "Requests that were refused because there was no space."
)

METRICS = (
    *(LAYOUT, PID, STARTS, STARTED, ANSWERED, READY, REQUESTS, ERRORS, DURATION, REQUEST_ROWS, BATCH_ROWS, SCRIPT),
    *(OPENED, CONNECTIONS, IN_FLIGHT, WAITING, HELD),
    *(COLLECTED_ROWS, DROPPED_ROWS, DROPPED_SEGMENTS, REFUSED),
)
_ends = [*accumulate(metric.size for metric in METRICS)]
PLACES = {metric: end - metric.size for metric, end in zip(METRICS, _ends, strict=True)}
SIZE = _ends[-1]
