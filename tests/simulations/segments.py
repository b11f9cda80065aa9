"""The comparison by segment: how often a challenger is called worse in a segment although the models are equal."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from mlops.model.bounds import are_too_skewed, bound_mean
from simulations import draws, scores
from simulations.cases import Case
from simulations.draws import Floats

CONFIDENCE = 0.95
BATCH = 2_000_000  # values that are drawn at once
SITUATIONS = {
    "normal": "squared error, normal errors",
    "t5": "squared error, t5 errors",
    "area": "area under the ROC curve, normal errors",
    "F1": "F1 score, normal errors",
}


def report_worse(parts: Sequence[Floats]) -> NDArray[np.bool_]:
    """Return for which samples the challenger is worse in at least one segment.

    Each segment has an array of gains, whose rows are the samples. No decline is too small to matter.
    """
    each = 1 - (1 - CONFIDENCE) / len(parts)
    worse = [(bound_mean(-part, each) > 0) & ~are_too_skewed(-part, each) for part in parts]
    return np.asarray(np.any(worse, axis=0))


def count_reports(rng: np.random.Generator, rounds: int, kind: str, rows: int, count: int) -> int:
    """Count the rounds with equal models in which the challenger is called worse in one of `count` segments."""
    most = max(1, BATCH // rows)
    sizes = [min(most, rounds - start) for start in range(0, rounds, most)]
    return sum(int(report_worse(draw_parts(rng, (size, rows), kind, count)).sum()) for size in sizes)


def draw_parts(rng: np.random.Generator, shape: tuple[int, int], kind: str, count: int) -> list[Floats]:
    """Return the gains of equal models in segments of about equal size.

    The lognormal ones are rare large gains: few samples contain enough of them.
    """
    if kind in scores.GAINS:  # a metric that is not a mean has its own gains in each segment
        parts = np.array_split(np.arange(shape[1]), count)
        return [scores.draw_gains(rng, (shape[0], len(part)), "normal", kind) for part in parts]
    if kind in ("normal", "t5"):
        gains = draws.draw_square_gains(rng, shape, kind)
    else:
        gains = -draws.draw_skewed_gains(rng, shape, float(kind))
    return np.array_split(gains, count, axis=-1)


def _list_cases() -> Iterator[Case]:
    for rows, count, rounds in ((89, 4, 40_000), (442, 12, 20_000), (2000, 4, 10_000), (2000, 20, 10_000)):
        size = f"{count} segments of {rows // count:,} rows"
        for kind, name in SITUATIONS.items():
            simulate = partial(count_reports, kind=kind, rows=rows, count=count)
            yield Case("segments", f"{name}, {size}", rounds, simulate, most=0.05)
        for sigma in ("1.0", "1.5"):
            simulate = partial(count_reports, kind=sigma, rows=rows, count=count)
            yield Case("segments", f"lognormal gains, sigma {sigma}, {size}", rounds, simulate)
    simulate = partial(count_reports, kind="1.0", rows=90, count=18)  # the gate does not compare so few rows
    yield Case("segments", "lognormal gains, sigma 1.0, 18 segments of 5 rows", 10_000, simulate)


CASES = (*_list_cases(),)
