"""The gate over many retrainings: a year of equal models, and a few retrainings of a better one."""

from collections.abc import Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from mlops.model.bounds import bound_mean
from mlops.model.spending import spend
from simulations.cases import Case
from simulations.draws import Floats, draw_errors
from simulations.rule import promote

CONFIDENCE = 0.95
WEEKS, FEW_WEEKS = 52, 8
NOISE = 0.2  # the standard deviation of a model's own error; that of the shared error is 1
BATCH = 4_000_000  # values that are drawn at once


def count_years(rng: np.random.Generator, rounds: int, kind: str, rows: int, weekly: int) -> int:
    """Count the years in which an equal model is promoted. The holdout grows by `weekly` rows a week."""
    return sum(
        int(_promote(rng, size, kind, rows, weekly, WEEKS, gain=0.0).sum())
        for size in _split(rounds, rows + weekly * WEEKS)
    )


def count_better(rng: np.random.Generator, rounds: int, kind: str, rows: int) -> int:
    """Count the series in which a better model is promoted within eight retrainings.

    Its true gain is twice what a single look detects with a power of 80 %.
    """
    shared, *noises = (draw_errors(rng, (2000, rows), kind) for _ in range(3))
    champion, challenger = ((shared + NOISE * noise) ** 2 for noise in noises)
    gain = 2 * float(np.mean(find_detectable(champion - challenger, CONFIDENCE)))
    batches = _split(rounds, rows)
    return sum(int(_promote(rng, size, kind, rows, 0, FEW_WEEKS, gain).sum()) for size in batches)


def find_detectable(gains: Floats, confidence: float) -> Floats:
    """Return the true gain that is detected with a power of 80 %."""
    error = gains.std(-1, ddof=1) / gains.shape[-1] ** 0.5
    return np.asarray(gains.mean(-1) - bound_mean(gains, confidence) + norm.ppf(0.8) * error)


def _promote(
    rng: np.random.Generator, size: int, kind: str, rows: int, weekly: int, weeks: int, gain: float
) -> NDArray[np.bool_]:
    shape = size, rows + weekly * weeks
    shared = draw_errors(rng, shape, kind)
    champion = (shared + NOISE * draw_errors(rng, shape, kind)) ** 2
    promoted = np.zeros(size, dtype=bool)
    for week in range(weeks):
        seen = slice(rows + weekly * week)
        challenger = (shared[:, seen] + NOISE * draw_errors(rng, (size, rows + weekly * week), kind)) ** 2
        gains = champion[:, seen] - challenger + gain
        promoted |= promote(gains, spend(CONFIDENCE, week + 1))
    return promoted


def _split(rounds: int, rows: int) -> Iterator[int]:
    most = max(1, BATCH // rows)
    for start in range(0, rounds, most):
        yield min(most, rounds - start)


def list_years() -> Iterator[Case]:
    """Yield the cases of the tables "year" and "power"."""
    for rows, rounds in ((89, 10_000),):
        for kind in ("normal", "t5"):
            for weekly, holdout in ((0, "fixed holdout"), (10, "10 more rows a week")):
                name = f"squared error, {kind} errors, {rows:,} rows, {holdout}"
                simulate = partial(count_years, kind=kind, rows=rows, weekly=weekly)
                yield Case("year", name, rounds, simulate, most=0.05)
            better = partial(count_better, kind=kind, rows=rows)
            yield Case("power", f"squared error, {kind} errors, {rows:,} rows", rounds, better, least=0.8)
