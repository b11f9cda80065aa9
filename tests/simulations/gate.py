"""The promotion gate: how often it promotes an equal model, and how often it cannot tell."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from mlops.model.bounds import are_too_skewed, bound_mean
from mlops.model.spending import spend
from simulations import draws, scores
from simulations.cases import Case
from simulations.draws import Floats
from simulations.grouped import list_grouped
from simulations.rule import promote
from simulations.years import list_years

Draw = Callable[[np.random.Generator, tuple[int, int]], Floats]

CONFIDENCE = 0.95
BATCH = 2_000_000  # values that are drawn at once
ROWS = (30, 89, 2000)
RARE = ((300, 6), (300, 15), (2000, 20))  # the numbers of rows and of positive rows among them
FIFTH, FIFTH_MOST = 5, 0.0034  # a later comparison, and the error that its interval may have, rounded down
EDGE = 0.5  # by which a better classifier scores the positive rows higher, in standard deviations
CLASSIFIED = {"log loss": "log loss", "area": "area under the ROC curve", "F1": "F1 score"}


def count_promotions(rng: np.random.Generator, rounds: int, draw: Draw, rows: int) -> int:
    """Count the rounds in which the bound of the gains is above zero and the gains are not too skewed."""
    batches = _draw_batches(rng, rounds, draw, rows)
    return sum(int(promote(gains, CONFIDENCE).sum()) for gains in batches)


def count_undecided(rng: np.random.Generator, rounds: int, draw: Draw, rows: int) -> int:
    """Count the rounds in which the gains are too skewed for a decision."""
    return sum(int(are_too_skewed(gains, CONFIDENCE).sum()) for gains in _draw_batches(rng, rounds, draw, rows))


def count_outside(rng: np.random.Generator, rounds: int, draw: Draw, rows: int, confidence: float = CONFIDENCE) -> int:
    """Count the rounds in which the true gain of 0 is outside the interval, whose ends are two bounds."""
    return sum(int(_is_outside(gains, confidence).sum()) for gains in _draw_batches(rng, rounds, draw, rows))


def _is_outside(gains: Floats, confidence: float) -> NDArray[np.bool_]:
    low, high = bound_mean(gains, confidence), -bound_mean(-gains, confidence)
    return np.asarray(((low > 0) | (high < 0)) & ~are_too_skewed(gains, confidence))


def _draw_batches(rng: np.random.Generator, rounds: int, draw: Draw, rows: int) -> Iterator[Floats]:
    most = max(1, BATCH // rows)
    for start in range(0, rounds, most):
        yield draw(rng, (min(most, rounds - start), rows))


def _list_looks() -> Iterator[Case]:
    goals = {1.0: 0.08, 1.5: 0.11}  # at 89 rows
    for rows in ROWS:
        rounds = 10_000 if rows > 1000 else 40_000
        for kind in ("normal", "t5"):
            draw: Draw = partial(draws.draw_square_gains, kind=kind)
            yield _look(f"squared error, {kind} errors, {rows:,} rows", rounds, draw, rows, 0.05)
            for metric, title in CLASSIFIED.items():
                draw = partial(scores.draw_gains, kind=kind, metric=metric)
                yield _look(f"{title}, {kind} errors, {rows:,} rows", rounds, draw, rows, 0.05)
        for sigma, most in goals.items():
            draw = partial(draws.draw_skewed_gains, sigma=sigma)
            yield _look(
                f"lognormal losses, sigma {sigma}, {rows:,} rows", rounds, draw, rows, most if rows > 30 else 1.0
            )
        draw = partial(draws.draw_catastrophes, share=0.01)
        yield _look(f"catastrophes on 1 % of the rows, {rows:,} rows", rounds, draw, rows, 1.0)
    for times in (2, 5):
        draw = partial(draws.draw_repeated_gains, times=times)
        yield _look(f"squared error, normal errors, 90 rows, each {times} times", 40_000, draw, 90, 1.0)
    for rows, positives in RARE:
        for metric, title in CLASSIFIED.items():
            draw = partial(scores.draw_gains, kind="normal", metric=metric, positives=positives)
            name = f"{title}, {positives} of {rows:,} rows positive"
            yield _look(name, 10_000 if rows > 1000 else 40_000, draw, rows, 0.05)


def _look(name: str, rounds: int, draw: Draw, rows: int, most: float) -> Case:
    return Case("one-look", name, rounds, partial(count_promotions, draw=draw, rows=rows), most=most)


def _list_undecided() -> Iterator[Case]:
    for rows in ROWS:
        for name, draw in {
            "gamma, skewness 3, better": partial(draws.draw_gamma_gains, skewness=3.0, better=1.0),
            "lognormal, skewness 3, better": partial(draws.draw_skewed_gains, sigma=0.715, better=1.0),
            "two values, skewness 3, better": partial(draws.draw_binary_gains, share=0.084, better=1.0),
            "squared error, normal errors": partial(draws.draw_square_gains, kind="normal"),
        }.items():
            yield _undecided(f"{name}, {rows:,} rows", draw, rows)
    for rows, positives in RARE:
        for metric in ("area", "F1"):
            draw = partial(scores.draw_gains, kind="normal", metric=metric, positives=positives)
            name = f"{CLASSIFIED[metric]}, {positives} of {rows:,} rows positive"
            yield _undecided(name, draw, rows)
            yield _undecided(f"{name}, better", partial(draw, edge=EDGE), rows)


def _undecided(name: str, draw: Draw, rows: int) -> Case:
    rounds = 10_000 if rows > 1000 else 40_000
    return Case("undecided", name, rounds, partial(count_undecided, draw=draw, rows=rows), most=0.05)


def _list_intervals() -> Iterator[Case]:
    situations: dict[str, Draw] = {
        "squared error, normal errors": partial(draws.draw_square_gains, kind="normal"),
        "squared error, t5 errors": partial(draws.draw_square_gains, kind="t5"),
        "lognormal losses, sigma 1.0": partial(draws.draw_skewed_gains, sigma=1.0),
        "lognormal losses, sigma 1.5": partial(draws.draw_skewed_gains, sigma=1.5),
    }
    for metric in ("area", "F1"):
        for kind in ("normal", "t5"):
            draw = partial(scores.draw_gains, kind=kind, metric=metric)
            situations[f"{CLASSIFIED[metric]}, {kind} errors"] = draw
    for rows in ROWS:
        for name, draw in situations.items():
            yield _interval(f"{name}, {rows:,} rows", draw, rows)
    for rows, positives in RARE:
        for metric in ("area", "F1"):
            draw = partial(scores.draw_gains, kind="normal", metric=metric, positives=positives)
            yield _interval(f"{CLASSIFIED[metric]}, {positives} of {rows:,} rows positive", draw, rows)
    for name, draw in situations.items():
        simulate = partial(count_outside, draw=draw, rows=89, confidence=spend(CONFIDENCE, FIFTH))
        yield Case("interval", f"{name}, 89 rows, comparison {FIFTH}", 40_000, simulate, most=FIFTH_MOST)


def _interval(name: str, draw: Draw, rows: int) -> Case:
    return Case("interval", name, 10_000, partial(count_outside, draw=draw, rows=rows), most=0.1)


CASES = (*_list_looks(), *_list_undecided(), *list_grouped(), *_list_intervals(), *list_years())
