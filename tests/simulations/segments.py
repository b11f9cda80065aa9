"""The comparison by segment: how often a challenger is called worse in a segment although the models are equal."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from mlops.model.bounds import are_too_skewed, bound_mean
from simulations import draws
from simulations.cases import Case
from simulations.draws import Floats

CONFIDENCE = 0.95
BATCH = 2_000_000  # values that are drawn at once


def report_worse(gains: Floats, count: int) -> Floats:
    """Return for which samples of gains the challenger is worse in at least one of `count` segments of equal size."""
    parts = np.array_split(-gains, count, axis=-1)
    each = 1 - (1 - CONFIDENCE) / count
    worse = [(bound_mean(part, each) > 0) & ~are_too_skewed(part) for part in parts]
    return np.asarray(np.any(worse, axis=0))


def count_reports(rng: np.random.Generator, rounds: int, kind: str, rows: int, count: int) -> int:
    """Count the rounds with equal models in which the challenger is called worse in some segment."""
    most = max(1, BATCH // rows)
    sizes = [min(most, rounds - start) for start in range(0, rounds, most)]
    return sum(int(report_worse(draw_gains(rng, (size, rows), kind), count).sum()) for size in sizes)


def draw_gains(rng: np.random.Generator, shape: tuple[int, ...], kind: str) -> Floats:
    """Return the gains of equal models. The lognormal ones are rare large gains: few samples contain enough of them."""
    if kind in ("normal", "t5"):
        return draws.draw_square_gains(rng, shape, kind)
    return -draws.draw_skewed_gains(rng, shape, float(kind))


def _list_cases() -> Iterator[Case]:
    for rows, count, rounds in ((89, 4, 40_000), (442, 12, 20_000), (2000, 4, 10_000), (2000, 20, 10_000)):
        size = f"{count} segments of {rows // count:,} rows"
        for kind in ("normal", "t5"):
            simulate = partial(count_reports, kind=kind, rows=rows, count=count)
            yield Case("segments", f"squared error, {kind} errors, {size}", rounds, simulate, most=0.05)
        for sigma in ("1.0", "1.5"):
            simulate = partial(count_reports, kind=sigma, rows=rows, count=count)
            yield Case("segments", f"lognormal gains, sigma {sigma}, {size}", rounds, simulate)


CASES = (*_list_cases(),)
