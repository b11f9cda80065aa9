"""The recorder of a worker, which counts in the worker's slots."""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from itertools import product

from ..refusals import Refusal
from ..telemetry.reporter import Reporter
from ..tracing import Header
from .declared import (
    ANSWERED,
    BATCH_ROWS,
    DURATION,
    ERRORS,
    OPENED,
    OTHER,
    PATHS,
    PLACES,
    REASONS,
    REQUEST_ROWS,
    REQUESTS,
    ROWS,
    SCRIPT,
    SECONDS,
    STATUSES,
    Metric,
)
from .reasons import name_reason
from .slots import create_slots

FAILURE = 500  # the status if the scoring script or the service failed
Measure = Callable[[], Mapping[Metric, float]]


class Recorder:
    """An object that counts what one worker does. Only one thread of one process may use it.

    Parameters
    ----------
    slots : memoryview, optional
        The slots of the worker; see `serving.metrics.slots`. Without them, no other process can read the counts.
    reporter : Reporter, optional
        The object that reports requests to Application Insights.
    """

    # A histogram has the sum at its place, and then the bins. Each bin has its own count, and the reader adds them up.

    def __init__(self, slots: "memoryview[float] | None" = None, reporter: Reporter | None = None) -> None:
        self.slots = create_slots() if slots is None else slots
        self.reporter = reporter or Reporter()
        start = PLACES[REQUESTS]
        self._answers = {
            (path, OTHER if status == OTHER else int(status)): start + place
            for place, (path, status) in enumerate(product(PATHS, STATUSES))
        }
        self._errors = {reason: PLACES[ERRORS] + place for place, reason in enumerate(REASONS)}
        self._measures: list[tuple[Measure, Mapping[Metric, float]]] = []
        self._answered = PLACES[ANSWERED]
        self._duration, self._request_rows = PLACES[DURATION], PLACES[REQUEST_ROWS]
        self._script, self._batch_rows = PLACES[SCRIPT], PLACES[BATCH_ROWS]

    def count_answer(self, path: str, status: int) -> None:
        """Count an answer to a request."""
        place = self._answers.get((path, status))
        if place is None:
            known = path if path in PATHS else OTHER
            place = self._answers.get((known, status)) or self._answers[known, OTHER]
        self.slots[place] += 1
        self.slots[self._answered] += 1

    def count_scored(self, seconds: float, rows: int = 0) -> None:
        """Count a request that was scored, its rows, and the time until its answer. `rows` is 0 if unknown."""
        slots = self.slots
        slots[self._duration] += seconds
        slots[self._duration + 1 + bisect_left(SECONDS, seconds)] += 1
        if rows:
            slots[self._request_rows] += rows
            slots[self._request_rows + 1 + bisect_left(ROWS, rows)] += 1

    def count_call(self, seconds: float, rows: int = 0) -> None:
        """Count a call of the scoring script. If `rows` is 0, the number of rows is unknown."""
        slots = self.slots
        slots[self._script] += seconds
        slots[self._script + 1 + bisect_left(SECONDS, seconds)] += 1
        if rows:
            slots[self._batch_rows] += rows
            slots[self._batch_rows + 1 + bisect_left(ROWS, rows)] += 1

    def count_refusal(self, refusal: Refusal, named: Sequence[Header] = ()) -> None:
        """Count a request that was refused or failed, by its reason. `named` are the headers that identify it."""
        self.slots[self._errors[name_reason(refusal)]] += 1
        if refusal.status == FAILURE and named:
            self.reporter.report_failure(named, refusal.__cause__ or refusal)

    def count_connection(self) -> None:
        """Count a new connection."""
        self.slots[PLACES[OPENED]] += 1

    def watch(self, measure: Measure) -> None:
        """Register a function that returns the values of metrics. `refresh` calls it.

        The value of a gauge is its present value. The value of a counter is what this process has counted; it is
        added to the count of the worker's earlier processes.
        """
        earlier = {metric: self.slots[PLACES[metric]] for metric in measure() if metric.kind == "counter"}
        self._measures.append((measure, earlier))

    def refresh(self) -> None:
        """Call the functions that `watch` registered, and store their values. Do this about once per second."""
        for measure, earlier in self._measures:
            for metric, value in measure().items():
                self.slots[PLACES[metric]] = earlier.get(metric, 0.0) + value
