"""The gate over many retrainings: a year of equal models, and a few retrainings of a better one."""

from collections.abc import Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from mlops.model.bounds import bound_mean
from mlops.model.spending import spend
from simulations import scores
from simulations.cases import Case
from simulations.draws import Floats, draw_errors
from simulations.rule import promote

CONFIDENCE = 0.95
WEEKS, FEW_WEEKS = 52, 8
NOISE = 0.2  # the standard deviation of a model's own error; that of the shared error is 1
BATCH = 4_000_000  # values that are drawn at once


def count_years(
    rng: np.random.Generator, rounds: int, kind: str, rows: int, weekly: int, metric: str = "squares"
) -> int:
    """Count the years in which an equal model is promoted. The holdout grows by `weekly` rows a week."""
    promote_some = {"squares": _promote, "area": _promote_by_area}[metric]
    return sum(
        int(promote_some(rng, size, kind, rows, weekly, WEEKS, 0.0).sum())
        for size in _split(rounds, rows + weekly * WEEKS)
    )


def count_better(
    rng: np.random.Generator,
    rounds: int,
    kind: str,
    rows: int,
    weeks: int = FEW_WEEKS,
    times: float = 2.0,
    confidence: float = CONFIDENCE,
) -> int:
    """Count the series in which a better model is promoted within `weeks` retrainings.

    Its true gain is a number of `times` what a look with this confidence detects with a power of 80 %.
    """
    shared, *noises = (draw_errors(rng, (2000, rows), kind) for _ in range(3))
    champion, challenger = ((shared + NOISE * noise) ** 2 for noise in noises)
    gain = times * float(np.mean(find_detectable(champion - challenger, confidence)))
    batches = _split(rounds, rows)
    return sum(int(_promote(rng, size, kind, rows, 0, weeks, gain).sum()) for size in batches)


def count_better_areas(
    rng: np.random.Generator,
    rounds: int,
    kind: str,
    rows: int,
    weeks: int = FEW_WEEKS,
    times: float = 2.0,
    confidence: float = CONFIDENCE,
) -> int:
    """Count the series in which a model with a larger area is promoted, as `count_better` does."""
    gains = scores.draw_gains(rng, (2000, rows), kind, "area")
    edge = find_edge(rng, kind, times * float(np.nanmean(find_detectable(gains, confidence))))
    batches = _split(rounds, rows)
    return sum(int(_promote_by_area(rng, size, kind, rows, 0, weeks, edge).sum()) for size in batches)


def find_edge(rng: np.random.Generator, kind: str, gain: float) -> float:
    """Return how much higher a challenger must score the positive rows for a given gain in the area."""
    actual, shared = scores.draw_rows(rng, (200_000,), kind)
    champion, challenger = (shared + scores.NOISE * draw_errors(rng, actual.shape, kind) for _ in range(2))
    edges = np.linspace(0, 4, 41)
    areas = [float(scores.gain_area(actual, champion, challenger + edge * actual).mean()) for edge in edges]
    return float(np.interp(gain, areas, edges))


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


def _promote_by_area(
    rng: np.random.Generator, size: int, kind: str, rows: int, weekly: int, weeks: int, edge: float
) -> NDArray[np.bool_]:
    actual, shared = scores.draw_rows(rng, (size, rows + weekly * weeks), kind)
    champion = shared + scores.NOISE * draw_errors(rng, shared.shape, kind)
    promoted = np.zeros(size, dtype=bool)
    for week in range(weeks):
        seen = np.s_[:, : rows + weekly * week]
        challenger = shared[seen] + edge * actual[seen]
        challenger += scores.NOISE * draw_errors(rng, challenger.shape, kind)
        promoted |= promote(scores.gain_area(actual[seen], champion[seen], challenger), spend(CONFIDENCE, week + 1))
    return promoted


def _split(rounds: int, rows: int) -> Iterator[int]:
    most = max(1, BATCH // rows)
    for start in range(0, rounds, most):
        yield min(most, rounds - start)


def list_years() -> Iterator[Case]:
    """Yield the cases of the tables "year", "power" and "detectable"."""
    for metric, title, count in (
        ("squares", "squared error", count_better),
        ("area", "area under the ROC curve", count_better_areas),
    ):
        for rows, rounds in ((89, 10_000), (2000, 2000)):
            for kind in ("normal", "t5"):
                for weekly, holdout in ((0, "fixed holdout"), (10, "10 more rows a week")):
                    simulate = partial(count_years, kind=kind, rows=rows, weekly=weekly, metric=metric)
                    name = f"{title}, {kind} errors, {rows:,} rows, {holdout}"
                    yield Case("year", name, rounds, simulate, most=0.05)
                name, better = f"{title}, {kind} errors, {rows:,} rows", partial(count, kind=kind, rows=rows)
                yield Case("power", name, rounds, better, least=0.8)
                once = partial(better, weeks=1, times=1.0, confidence=spend(CONFIDENCE, 1))
                yield Case("detectable", name, rounds, once, least=0.8)
