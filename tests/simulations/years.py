"""The gate over many retrainings: a year of equal models, and a few retrainings of a better one."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from mlops.model.bounds import bound_mean
from mlops.model.spending import spend
from simulations import grouped, scores
from simulations.cases import Case
from simulations.draws import Floats, draw_errors, draw_skewed_gains
from simulations.rule import promote

CONFIDENCE = 0.95
WEEKS, FEW_WEEKS = 52, 8
NOISE = 0.2  # the standard deviation of a model's own error; that of the shared error is 1
BATCH = 4_000_000  # values that are drawn at once


def count_years(
    rng: np.random.Generator,
    rounds: int,
    kind: str,
    rows: int,
    weekly: int,
    metric: str = "squares",
    spends: bool = True,
) -> int:
    """Count the years in which an equal model is promoted. The holdout grows by `weekly` rows a week.

    If `spends` is False, each comparison has the whole allowed error.
    """
    promote_some = _promote if metric == "squares" else partial(_promote_by_scores, metric=metric)
    levels = [spend(CONFIDENCE, look) if spends else CONFIDENCE for look in range(1, WEEKS + 1)]
    return sum(
        int(promote_some(rng, size, kind, rows, weekly, levels, 0.0).sum())
        for size in _split(rounds, rows + weekly * WEEKS)
    )


def count_skewed_years(rng: np.random.Generator, rounds: int, sigma: float, rows: int) -> int:
    """Count the years in which an equal model with rare large losses is promoted. Each week has other rows."""
    found = 0
    for size in _split(rounds, rows):
        promoted = np.zeros(size, dtype=bool)
        for look in range(1, WEEKS + 1):
            promoted |= promote(draw_skewed_gains(rng, (size, rows), sigma), spend(CONFIDENCE, look))
        found += int(promoted.sum())
    return found


def count_better(
    rng: np.random.Generator,
    rounds: int,
    kind: str,
    rows: int,
    weeks: int = FEW_WEEKS,
    times: float = 2.0,
    confidence: float = CONFIDENCE,
    first: int = 1,
) -> int:
    """Count the series in which a better model is promoted within `weeks` retrainings, from a `first` look on.

    Its true gain is a number of `times` what a look with this confidence detects with a power of 80 %.
    """
    shared, *noises = (draw_errors(rng, (2000, rows), kind) for _ in range(3))
    champion, challenger = ((shared + NOISE * noise) ** 2 for noise in noises)
    gain = times * float(np.mean(find_detectable(champion - challenger, confidence)))
    levels = _list_levels(weeks, first)
    return sum(int(_promote(rng, size, kind, rows, 0, levels, gain).sum()) for size in _split(rounds, rows))


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
    promote_some, levels = partial(_promote_by_scores, metric="area"), _list_levels(weeks)
    return sum(int(promote_some(rng, size, kind, rows, 0, levels, edge).sum()) for size in _split(rounds, rows))


def count_better_skewed(rng: np.random.Generator, rounds: int, sigma: float, rows: int, sign: int = 1) -> int:
    """Count the first looks that promote a better model with rare large losses or, if `sign` is -1, with such gains.

    Its true gain is what the look detects with a power of 80 % if the gains are normal.
    """
    level = spend(CONFIDENCE, 1)
    gain = float(np.mean(find_detectable(sign * draw_skewed_gains(rng, (2000, rows), sigma), level)))
    return int(promote(sign * draw_skewed_gains(rng, (rounds, rows), sigma) + gain, level).sum())


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


def _list_levels(weeks: int, first: int = 1) -> list[float]:
    return [spend(CONFIDENCE, look) for look in range(first, first + weeks)]


def _promote(
    rng: np.random.Generator, size: int, kind: str, rows: int, weekly: int, levels: Sequence[float], gain: float
) -> NDArray[np.bool_]:
    shape = size, rows + weekly * len(levels)
    shared = draw_errors(rng, shape, kind)
    champion = (shared + NOISE * draw_errors(rng, shape, kind)) ** 2
    promoted = np.zeros(size, dtype=bool)
    for week, level in enumerate(levels):
        seen = slice(rows + weekly * week)
        challenger = (shared[:, seen] + NOISE * draw_errors(rng, (size, rows + weekly * week), kind)) ** 2
        gains = champion[:, seen] - challenger + gain
        promoted |= promote(gains, level)
    return promoted


def _promote_by_scores(
    rng: np.random.Generator,
    size: int,
    kind: str,
    rows: int,
    weekly: int,
    levels: Sequence[float],
    edge: float,
    metric: str,
) -> NDArray[np.bool_]:
    actual, shared = scores.draw_rows(rng, (size, rows + weekly * len(levels)), kind)
    champion = shared + scores.NOISE * draw_errors(rng, shared.shape, kind)
    promoted = np.zeros(size, dtype=bool)
    for week, level in enumerate(levels):
        seen = np.s_[:, : rows + weekly * week]
        challenger = shared[seen] + edge * actual[seen]
        challenger += scores.NOISE * draw_errors(rng, challenger.shape, kind)
        promoted |= promote(scores.GAINS[metric](actual[seen], champion[seen], challenger), level)
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
    yield from _list_other_years()
    yield from _list_other_gains()


def _list_other_years() -> Iterator[Case]:
    for metric, title in (("log loss", "log loss"), ("F1", "F1 score")):
        simulate = partial(count_years, kind="normal", rows=89, weekly=0, metric=metric)
        yield Case("year", f"{title}, normal errors, 89 rows, fixed holdout", 10_000, simulate, most=0.05)
    for rows in (30, 89):
        simulate = partial(grouped.count_median_years, rows=rows, noise=1.0, levels=_list_levels(WEEKS))
        yield Case(
            "year", f"median absolute error, different models, {rows} rows, fixed holdout", 1000, simulate, most=0.05
        )
    for sigma in (1.0, 1.5):
        simulate = partial(count_skewed_years, sigma=sigma, rows=89)
        yield Case("year", f"lognormal losses, sigma {sigma}, 89 other rows each week", 10_000, simulate)
    simulate = partial(count_years, kind="normal", rows=89, weekly=0, spends=False)
    name = "squared error, normal errors, 89 rows, fixed holdout, each comparison at a confidence of 95 %"
    yield Case("year", name, 10_000, simulate)


def _list_other_gains() -> Iterator[Case]:
    for rows, look in ((30, 1), (89, 5), (89, 20)):
        for kind in ("normal", "t5"):
            better = partial(count_better, kind=kind, rows=rows, weeks=1, times=1.0)
            once = partial(better, confidence=spend(CONFIDENCE, look), first=look)
            name = f"squared error, {kind} errors, {rows} rows, comparison {look}"
            yield Case("detectable", name, 10_000, once)
    for sigma in (1.0, 1.5):
        for sign, skewed in ((1, "losses"), (-1, "gains")):
            simulate = partial(count_better_skewed, sigma=sigma, rows=89, sign=sign)
            yield Case("detectable", f"lognormal {skewed}, sigma {sigma}, 89 rows", 10_000, simulate)
