"""The tests of a column of numbers or dates. They use only its range, mean and deviation, and the counts of its bins.

The rank of a value is the average rank of all values in its bin.

Sources: Mann and Whitney (1947), "On a test of whether one of two random variables is stochastically larger than the
other" (shift); Mood (1954), "On the asymptotic efficiency of certain nonparametric two-sample tests" (spread).
"""

from collections.abc import Iterator

import numpy as np
from scipy import special

from mlops.data.evidence.outcome import FLOORS, Counts, Evidence
from mlops.data.evidence.shares import compare_shares, find_chance
from mlops.data.evidence.tails import find_distance, find_tail, measure_skewness
from mlops.data.kinds.column import show_day
from mlops.data.profile import ColumnProfile
from mlops.numbers import format_distinct, format_pair

MEAN_SQUARE = 1 / 3  # the mean square of uniform ranks from -1 to 1
TINY = 1e-3  # a lower limit for the mean square of ranks, which keeps the ratio of the spreads finite


def compare_numbers(reference: ColumnProfile, current: ColumnProfile) -> Iterator[Evidence]:
    """Yield the results of the tests "shift", "spread", "scale", "shape" and "peak". Both profiles must have values."""
    first, second = np.array(reference.histogram, dtype=float), np.array(current.histogram, dtype=float)
    rows, noise = reference.count + current.count, 1 / reference.count + 1 / current.count
    apart, shares = second / current.count - first / reference.count, (first + second) / rows
    ranks = 2 * np.cumsum(shares) - shares - 1  # the mean rank of each bin, scaled to [-1, 1]
    skewness = measure_skewness(ranks, shares, current.count, reference.count)
    yield _compare_shift(float(apart @ ranks), float(shares @ ranks**2 * noise) ** 0.5, skewness)
    squares = ranks**2 + shares**2 / 3  # the mean squared rank of each bin
    deviation = float(shares @ (squares - MEAN_SQUARE) ** 2 * noise) ** 0.5
    skewness = measure_skewness(squares, shares, current.count, reference.count)
    yield _compare_spread(float(apart @ squares), deviation, skewness, current.count / rows)
    yield _compare_scale(reference, current.deviation * current.deviation, noise)  # `**` can raise OverflowError
    yield _compare_shape(float(np.abs(np.cumsum(apart)).max()), noise**0.5)
    place, tries = _find_peak(first, second), int(np.count_nonzero(shares))
    counts = (int(first[place]), reference.count, int(second[place]), current.count)
    yield compare_shares("peak", *counts, tries=tries, detail=_describe_bin(reference, place))


def _describe_bin(reference: ColumnProfile, place: int) -> str:
    if _has_bins_of_single_values(reference):
        return _describe_value(reference, place)
    low, high = reference.edges[max(place - 1, 0)], reference.edges[min(place, len(reference.edges) - 1)]
    first, last = (show_day(low + 1), show_day(high)) if reference.kind == "date" else format_pair(low, high)
    return _describe_range(f"at most {last}", first, last, place, len(reference.edges))


def _describe_range(lowest: str, first: str, last: str, place: int, final: int) -> str:
    if place == 0:
        return lowest
    return f"above {first}" if place == final else f"between {first} and {last}"


def _has_bins_of_single_values(reference: ColumnProfile) -> bool:
    """Return True if each value of the reference has its own bin, and all other bins are empty."""
    return len(reference.edges) % 2 == 0 and not any(reference.histogram[::2]) and all(reference.histogram[1::2])


def _describe_value(reference: ColumnProfile, place: int) -> str:
    """Return a description of bin `place`: its only value in the reference or, if the bin is empty, its range."""
    values = [float(f"{sum(ends) / 2:.15g}") for ends in zip(reference.edges[::2], reference.edges[1::2], strict=True)]
    shown = [show_day(value) for value in values] if reference.kind == "date" else format_distinct(values)
    after = place // 2
    if place % 2:
        return shown[after]
    return _describe_range(
        f"below {shown[0]}", shown[max(after - 1, 0)], shown[min(after, len(shown) - 1)], after, len(shown)
    )


def _compare_shift(moved: float, deviation: float, skewness: float) -> Evidence:
    skewness = skewness if moved > 0 else -skewness

    def limit(chance: float) -> float:
        return min(max(0.5 + find_distance(chance, skewness) * deviation / 2, FLOORS["shift"]), 1.0)

    chance = find_tail(abs(moved) / deviation, skewness) if deviation else 1.0
    return Evidence("shift", min(0.5 + abs(moved) / 2, 1.0), 0.5, chance, limit, "larger" if moved > 0 else "smaller")


def _compare_spread(wider: float, deviation: float, skewness: float, part: float) -> Evidence:
    ours, theirs = (1 - part, part) if wider > 0 else (part, 1 - part)
    skewness = skewness if wider > 0 else -skewness

    def measure(difference: float) -> float:  # the ratio of the root mean squares of both tables
        return ((MEAN_SQUARE + difference * ours) / max(MEAN_SQUARE - difference * theirs, TINY)) ** 0.5

    def limit(chance: float) -> float:
        return max(measure(find_distance(chance, skewness) * deviation), FLOORS["spread"])

    # If all values of a column are equal, the deviation is only a rounding error.
    chance = find_tail(abs(wider) / deviation, skewness) if deviation > 1e-12 else 1.0
    return Evidence("spread", measure(abs(wider)), 1.0, chance, limit, "grew" if wider > 0 else "shrank")


def _compare_scale(reference: ColumnProfile, variance: float, noise: float) -> Evidence:
    """Return the result of the test "scale", for decreases that the bins of few distinct values do not show.

    The test assumes the largest possible variance of the squared distances from the mean: the largest squared distance
    times the mean squared distance. So outliers of the reference raise no alarm. A growing standard deviation needs no
    such test, because the outermost bins show it.
    """
    known, ends = reference.deviation**2, (reference.minimum or 0.0, reference.maximum or 0.0)
    deviation = float((max((end - reference.mean) ** 2 for end in ends) * known * noise) ** 0.5)

    def measure(difference: float) -> float:  # the relative decrease of the standard deviation
        return 1 - max(1 - difference / known, 0.0) ** 0.5 if known else 0.0

    def limit(chance: float) -> float:
        return max(measure(float(-special.ndtri(chance) * deviation)), FLOORS["scale"])

    # The deviation is 0 if the numbers are so small that their squares are 0.
    chance = float(special.ndtr((variance - known) / deviation)) if variance < known and deviation else 1.0
    return Evidence("scale", measure(known - variance) if variance < known else 0.0, 0.0, chance, limit)


def _compare_shape(distance: float, noise: float) -> Evidence:
    def limit(chance: float) -> float:
        return min(max(float(special.kolmogi(chance)) * noise, FLOORS["shape"]), 1.0)

    return Evidence("shape", min(distance, 1.0), 0.0, float(special.kolmogorov(distance / noise)), limit)


def _find_peak(first: Counts, second: Counts) -> int:
    there = np.flatnonzero(second)
    chances = find_chance(first[there], first.sum(), second[there], second.sum())
    return int(there[np.argmin(chances)])
