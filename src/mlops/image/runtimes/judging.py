"""The comparison of a converted model with the original."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops.errors import ProblemError
from mlops.image.runtimes.candidates import Original
from mlops.image.runtimes.probes import FAR, Probe
from mlops.serving.rows import select_rows
from mlops.serving.runtimes.encoding import Rows

TOLERANCE = 1e-9  # standard deviations of the predictions; the service test allows a relative difference of 1e-9
CALLS, SECONDS, FEWEST = 50, 0.02, 5  # a measurement ends after 50 calls, or after 0.02 s if there were 5
REFUSALS = (TypeError, ValueError, ProblemError)  # the errors with which models refuse rows


@dataclass(frozen=True)
class Sample:
    """Rows, as the scoring script gets them, and the predictions of the model for them.

    Parameters
    ----------
    title : str
        What is special about the rows.
    numbers : sequence of int
        The number of each row.
    rows : array or dict of columns
        The rows.
    expected : array, optional
        The predictions of the original. None if it refuses the rows.
    """

    title: str
    numbers: Sequence[int]
    rows: Rows
    expected: NDArray[np.float64] | None


@dataclass(frozen=True)
class Verdict:
    """The largest difference from an expected prediction, in standard deviations of the predictions, and its row."""

    difference: float
    row: str


def predict_probes(original: Original, probes: Iterable[Probe]) -> list[Sample]:
    """Return a sample for each probe, with the predictions of the original. It must accept the first probe."""
    samples = []
    for probe in probes:
        expected = None
        try:
            expected = original.predict(probe.inputs)
        except REFUSALS:
            if not probe.title:
                raise
        samples.append(Sample(probe.title, probe.inputs.index.tolist(), original.make_rows(probe.inputs), expected))
    return samples


def judge(predict: Callable[[Rows], NDArray[Any]], samples: Sequence[Sample]) -> Verdict:
    """Compare the predictions of a converted model with the expected ones, and return the largest difference.

    Parameters
    ----------
    predict : callable
        The converted model.
    samples : sequence of Sample
        The rows. The unit of the difference is the standard deviation of the predictions in the first sample.
    """
    first = samples[0].expected
    scale = float(np.max(np.std(first, axis=0))) if first is not None else 1.0
    worst = Verdict(0.0, "")
    for sample in samples:
        apart = _compare(predict, sample) / _choose_units(sample, scale or 1.0)
        place = int(np.argmax(apart))
        if apart[place] > worst.difference:
            title = f", {sample.title}" if sample.title else ""
            worst = Verdict(float(apart[place]), f"row {sample.numbers[place]}{title}")
    return worst


def _choose_units(sample: Sample, scale: float) -> NDArray[np.float64]:
    """Return the unit of the difference of each row. Far outside of the data, large predictions are rounded more."""
    units = np.full(len(sample.numbers), scale)
    if sample.title != FAR or sample.expected is None:
        return units
    sizes = np.abs(sample.expected).reshape(len(units), -1).max(axis=1)
    return np.maximum(units, np.where(np.isfinite(sizes), sizes, 0.0))


def _compare(predict: Callable[[Rows], NDArray[Any]], sample: Sample) -> NDArray[np.float64]:
    """Return the difference for each row; infinity if only one of the models refuses the rows."""
    found = _attempt(predict, sample.rows)
    if found is None or sample.expected is None or found.shape != sample.expected.shape:
        return np.full(len(sample.numbers), 0.0 if found is sample.expected else np.inf)
    with np.errstate(invalid="ignore"):
        apart = np.where(found == sample.expected, 0.0, np.abs(found - sample.expected))  # both can be infinite
    apart = apart.reshape(len(found), -1).max(axis=1)
    return np.where(np.isnan(apart), np.inf, apart)


def _attempt(predict: Callable[[Rows], NDArray[Any]], rows: Rows) -> NDArray[np.float64] | None:
    try:
        return np.asarray(predict(rows), dtype=np.float64)
    except Exception:  # noqa: BLE001 - a runtime can raise errors of any class
        return None


def measure(predict: Callable[[Rows], object], rows: Rows, count: int) -> float:
    """Return the median time of a call with `count` rows, in seconds.

    Each call gets other rows, if there are enough. A CPU predicts the branches of trees better if rows are repeated.
    """
    size = len(rows if isinstance(rows, np.ndarray) else next(iter(rows.values())))
    begins = range(0, max(1, size - count + 1), count)[:CALLS]
    parts = [select_rows(rows, slice(begin, begin + count)) for begin in begins]
    predict(parts[0])
    times: list[float] = []
    began = time.perf_counter()
    while len(times) < CALLS and (len(times) < FEWEST or time.perf_counter() - began < SECONDS):
        part = parts[len(times) % len(parts)]
        start = time.perf_counter()
        predict(part)
        times.append(time.perf_counter() - start)
    return median(times)
