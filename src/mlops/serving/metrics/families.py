"""The metrics of a service as samples with labels: what its workers counted, together or each of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, chain
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .declared import LAYOUT, METRICS, PID, PLACES, Metric
from .processes import measure_memory
from .slots import Worker

NO_LABELS: Mapping[str, str] = MappingProxyType({})
HIDDEN = (LAYOUT, PID)


@dataclass(frozen=True)
class Sample:
    """A value of a metric, with its labels and the suffix that is added to the metric's name."""

    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
    suffix: str = ""


@dataclass(frozen=True)
class Family:
    """A metric with its samples. `name` is the name without ``_total`` and ``_info``."""

    name: str
    kind: Literal["counter", "gauge", "histogram", "info"]
    text: str
    samples: Sequence[Sample] = field(default_factory=tuple)


def describe_workers(workers: Sequence[Worker], by_worker: bool = False) -> Iterator[Family]:
    """Yield the metrics that workers count. If the process of a worker ended, only its gauges are left out.

    Parameters
    ----------
    workers : sequence of Worker
        The workers of the service.
    by_worker : bool
        Whether each worker is reported separately, with the label "worker", in all metrics. By default, only metrics
        that are declared `by_worker` do so, and the others have the sum over all workers.
    """
    for metric in METRICS:
        chosen = [worker for worker in workers if worker.alive or metric.kind != "gauge"]
        cut = slice(PLACES[metric], PLACES[metric] + metric.size)
        if metric in HIDDEN:
            continue
        if by_worker or metric.by_worker:
            each = [_list_samples(metric, worker.slots[cut], {"worker": worker.number}) for worker in chosen]
            samples = [*chain.from_iterable(each)]
        else:
            total = np.sum([worker.slots[cut] for worker in chosen], axis=0) if chosen else np.zeros(metric.size)
            samples = [*_list_samples(metric, total)]
        yield Family(metric.name, metric.kind, metric.text, samples)
    yield from _describe_processes(workers)


def list_bins(bounds: Iterable[float], counts: Iterable[float], labels: Mapping[str, str] = NO_LABELS) -> list[Sample]:
    """Return the samples of a histogram's bins. The count of a bin includes the counts of all lower bins."""
    limits = [*(repr(float(bound)) for bound in bounds), "+Inf"]
    totals = [*accumulate(counts)]
    bins = [Sample(total, {**labels, "le": limit}, "_bucket") for limit, total in zip(limits, totals, strict=True)]
    return [*bins, Sample(totals[-1], labels, "_count")]


def _list_samples(
    metric: Metric, counts: NDArray[np.float64], labels: Mapping[str, str] = NO_LABELS
) -> Iterator[Sample]:
    if metric.kind == "histogram":
        yield from list_bins(metric.bounds, counts[1:].tolist(), labels)
        yield Sample(float(counts[0]), labels, "_sum")
        return
    for value, own in zip(counts.tolist(), metric.list_labels(), strict=True):
        if value or len(metric.labels) < 2:  # most combinations of a path and a status never occur
            yield Sample(value, {**labels, **own})


def _describe_processes(workers: Sequence[Worker]) -> Iterator[Family]:
    alive = [worker for worker in workers if worker.alive]
    yield Family("mlops_workers", "gauge", "Workers whose processes are running.", [Sample(len(alive))])
    measured = {worker.number: measure_memory(int(worker.slots[PLACES[PID]])) for worker in alive}
    samples = [Sample(size, {"worker": number}) for number, size in measured.items() if size]
    yield Family("mlops_worker_resident_memory_bytes", "gauge", "Memory that the worker uses.", samples)
