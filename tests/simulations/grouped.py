"""The gate for metrics that are no mean over rows, and for which groups of rows are left out, by its own jackknife."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from mlops.model.bounds import bound_mean, measure_error
from mlops.model.jackknife import assign_groups, leave_out, list_pseudo_values
from mlops.model.promotion import POWER
from mlops.model.spending import spend
from mlops.problem import Metric, metrics
from simulations import scores
from simulations.cases import Case
from simulations.draws import Floats, draw_errors
from simulations.rule import promote

CONFIDENCE = 0.95
MANY = 30  # the number of groups of more than 600,000 rows


def measure_median(actual: Floats, predicted: Floats) -> float:
    """Return the median absolute error."""
    return float(np.median(np.abs(actual - predicted)))


def measure_tail(actual: Floats, predicted: Floats) -> float:
    """Return the 99 % quantile of the absolute error."""
    return float(np.quantile(np.abs(actual - predicted), 0.99))


MEDIAN = Metric("median_absolute_error", measure_median, higher_is_better=False)
TAIL = Metric("tail_error", measure_tail, higher_is_better=False)
AREA = metrics.roc_auc_score()


def list_gains(metric: Metric, actual: NDArray[np.generic], pair: tuple[Floats, Floats], groups: int = 0) -> Floats:
    """Return the gain of each group in a metric. By default, the groups are those of the gate."""
    rows = len(actual)
    assigned = np.arange(rows) % groups if groups else assign_groups(rows, smooth=bool(metric.weighted))
    whole = np.full(rows, -1)
    old, new = (
        list_pseudo_values(
            leave_out(metric, actual, predicted, whole)[0], leave_out(metric, actual, predicted, assigned), assigned
        )
        for predicted in pair
    )
    return new - old if metric.higher_is_better else old - new


def count_medians(rng: np.random.Generator, rounds: int, rows: int, noise: float, groups: int = 0) -> int:
    """Count the rounds in which an equal model is promoted by the median absolute error.

    `noise` is the standard deviation of a model's own error. That of the error that both models share is 1.
    """
    pairs = (_draw_pair(rng, rows, noise) for _ in range(rounds))
    gains = (list_gains(MEDIAN, np.zeros(rows), pair, groups) for pair in pairs)
    return sum(bool(promote(some, CONFIDENCE)) for some in gains)


def count_median_years(rng: np.random.Generator, rounds: int, rows: int, noise: float, levels: Sequence[float]) -> int:
    """Count the years in which an equal model is promoted by the median absolute error, on a fixed holdout.

    `levels` has the confidence that each comparison of the year needs. `noise` is as in `count_medians`.
    """
    found = 0
    for _ in range(rounds):
        shared, own = (draw_errors(rng, (rows,), "normal") for _ in range(2))
        pairs = ((shared + noise * own, shared + noise * draw_errors(rng, (rows,), "normal")) for _ in levels)
        gains = (list_gains(MEDIAN, np.zeros(rows), pair) for pair in pairs)
        found += any(bool(promote(some, level)) for some, level in zip(gains, levels, strict=True))
    return found


def _draw_pair(rng: np.random.Generator, rows: int, noise: float) -> tuple[Floats, Floats]:
    shared, old, new = (draw_errors(rng, (rows,), "normal") for _ in range(3))
    return shared + noise * old, shared + noise * new


def count_areas(rng: np.random.Generator, rounds: int, rows: int) -> int:
    """Count the rounds in which an equal model is promoted by the area, with as few groups as the gate ever has."""
    found = 0
    for _ in range(rounds):
        actual, shared = scores.draw_rows(rng, (rows,), "normal")
        old, new = (shared + scores.NOISE * draw_errors(rng, (rows,), "normal") for _ in range(2))
        found += bool(promote(list_gains(AREA, actual, (old, new), MANY), CONFIDENCE))
    return found


def count_insensitive(rng: np.random.Generator, rounds: int, rows: int, metric: Metric, look: int, most: float) -> int:
    """Count the rounds in which comparison `look` detects only gains above `most` times those of a single comparison.

    The models are equal, and different: each has an error of its own, as large as the error that both share.
    """
    pairs = (_draw_pair(rng, rows, 1.0) for _ in range(rounds))
    gains = (list_gains(metric, np.zeros(rows), pair) for pair in pairs)
    once, later = CONFIDENCE, spend(CONFIDENCE, look)
    return sum(_find_detectable(some, later) > most * _find_detectable(some, once) for some in gains)


def _find_detectable(gains: Floats, confidence: float) -> float:
    needed = gains.mean() - bound_mean(gains, confidence)
    return float(needed + norm.ppf(POWER) * measure_error(gains))


def list_grouped() -> Iterator[Case]:
    """Yield the cases of the tables "grouped" and "insensitive"."""
    for rows, rounds in ((30, 10_000), (89, 10_000), (300, 4000), (2000, 2000)):
        for noise, models in ((0.2, "similar models"), (1.0, "different models")):
            simulate = partial(count_medians, rows=rows, noise=noise)
            yield Case("grouped", f"median absolute error, {models}, {rows:,} rows", rounds, simulate, most=0.05)
    simulate = partial(count_medians, rows=30, noise=1.0, groups=30)
    yield Case("grouped", "median absolute error, different models, 30 rows, each a group", 4000, simulate)
    simulate = partial(count_areas, rows=3000)
    yield Case("grouped", f"{AREA.title}, {MANY} groups of 100 rows", 4000, simulate, most=0.05)
    for metric, title in ((MEDIAN, "median absolute error"), (TAIL, "99 % quantile of the absolute error")):
        for rows in (89, 300, 2000):
            for look, most in ((5, 1.8), (20, 2.2)):
                simulate = partial(count_insensitive, rows=rows, metric=metric, look=look, most=most)
                name = f"{title}, {rows:,} rows, comparison {look}, above {most} times"
                yield Case("insensitive", name, 1000, simulate)
