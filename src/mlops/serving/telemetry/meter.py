"""The changes of the metrics of a service since they were last measured."""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from ..metrics.families import Family, Sample
from .items import Measured

# Distributions have hundreds of values, which change slowly. The stability index of each column summarizes them.
LEFT_OUT = ("mlops_drift_value_ratio", "mlops_training_value_ratio")


class Meter:
    """An object that turns the totals of counters and histograms into increases.

    Parameters
    ----------
    path : Path
        The file with the totals of the last measurement, with which a restarted sender continues.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._totals: dict[str, float] = {}
        with suppress(OSError, ValueError):
            self._totals = dict(json.loads(path.read_text()))

    def measure(self, families: Iterable[Family]) -> list[Measured]:
        """Return the values of gauges, and the increases of counters and histograms since the previous call.

        Counters and histograms that did not change are left out, as are gauges that stayed 0. The first call continues
        with the totals in the file; without a file, they are 0.
        """
        found = [one for family in families if family.name not in LEFT_OUT for one in self._measure(family)]
        scratch = self._path.with_suffix(".new")
        with suppress(OSError):  # the disk is full, or the folder was deleted
            scratch.write_text(json.dumps(self._totals))
            os.replace(scratch, self._path)
        return found

    def _measure(self, family: Family) -> Iterator[Measured]:
        if family.kind == "histogram":
            yield from self._sum_up(family)
        elif family.kind != "info":
            for sample in family.samples:
                before, increase = self._replace_total(family, sample)
                value = increase if family.kind == "counter" else sample.value
                if value or (before and family.kind == "gauge"):
                    yield Measured(family.name, value, dict(sample.labels))

    def _sum_up(self, family: Family) -> Iterator[Measured]:
        total = next((self._increase(family, one) for one in family.samples if one.suffix == "_sum"), 0.0)
        bins = [one for one in family.samples if one.suffix == "_bucket"]
        cumulated = [self._increase(family, one) for one in bins]
        if not cumulated or not cumulated[-1]:
            return
        bounds = [float(one.labels["le"]) for one in bins]
        lowest, highest = _find_range(bounds, cumulated)
        yield Measured(family.name, total, {}, int(cumulated[-1]), lowest, highest)

    def _increase(self, family: Family, sample: Sample) -> float:
        return self._replace_total(family, sample)[1]

    def _replace_total(self, family: Family, sample: Sample) -> tuple[float, float]:
        key = f"{family.name}{sample.suffix} {json.dumps(dict(sample.labels))}"
        before, self._totals[key] = self._totals.get(key, 0.0), sample.value
        return before, sample.value - before if sample.value >= before else sample.value


def _find_range(bounds: Sequence[float], cumulated: Sequence[float]) -> tuple[float, float]:
    first = next(place for place, count in enumerate(cumulated) if count)
    last = next(place for place, count in enumerate(cumulated) if count == cumulated[-1])
    # The last bin has no upper bound.
    return bounds[first - 1] if first else 0.0, bounds[last] if last < len(bounds) - 1 else bounds[-2]
