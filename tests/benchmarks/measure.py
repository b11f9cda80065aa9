"""Samples of wall and CPU time, taken in turn, so that changes in the machine's load affect all variants alike."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """One measurement: wall and CPU time, in seconds."""

    wall: float
    cpu: float

    def __mul__(self, factor: float) -> "Sample":
        return Sample(self.wall * factor, self.cpu * factor)


@dataclass(frozen=True)
class Summary:
    """The summary of several numbers."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Row:
    """One variant of a section.

    Parameters
    ----------
    label : str
        The name of the variant.
    unit : str
        The unit of the numbers: "s", "ms", "MB".
    columns : mapping of str to Summary
        The summaries by the heading of their column: "wall", "CPU".
    samples : int
        The number of measurements.
    note : str
        A remark for the reader of the report.
    """

    label: str
    unit: str
    columns: Mapping[str, Summary]
    samples: int
    note: str = ""


def summarize(numbers: Sequence[float]) -> Summary:
    """Return the median and the extremes."""
    return Summary(statistics.median(numbers), min(numbers), max(numbers))


def make_row(label: str, samples: Sequence[Sample], note: str = "") -> Row:
    """Return the row of a variant that was measured in wall and CPU time."""
    columns = {"wall": summarize([s.wall for s in samples]), "CPU": summarize([s.cpu for s in samples])}
    return Row(label, "s", columns, len(samples), note)


def interleave(variants: Mapping[str, Callable[[], Sample]], rounds: int) -> dict[str, list[Sample]]:
    """Measure every variant once in each round. Each round begins with another variant.

    Parameters
    ----------
    variants : mapping of str to callable
        The functions, each of which measures its variant once.
    rounds : int
        The number of rounds.
    """
    names = list(variants)
    found: dict[str, list[Sample]] = {name: [] for name in names}
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            found[name].append(variants[name]())
    return found
