"""Statistical tests of whether a column has a different distribution in new data than in the reference.

No test assumes a distribution. The tests of numbers and dates use only the counts of the bins: the rank of a
value is the average rank of all values in its bin.

Sources: Mann and Whitney (1947), "On a test of whether one of two random variables is stochastically larger than the
other" (shift); Mood (1954), "On the asymptotic efficiency of certain nonparametric two-sample tests" (spread);
Przyborowski and Wilenski (1940), "Homogeneity of results in testing samples from Poisson series" (peak, new, missing);
Pearson (1900), "On the criterion that a given system of deviations ... can be reasonably supposed to have arisen from
random sampling" (mix); Cochran (1954), "Some methods for strengthening the common chi-square tests" (rare values). If
the profile does not list all values, its rare and unlisted values are pooled in bins by their checksums.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mlops.data.kinds.column import show_day
from mlops.data.kinds.counts import LIMIT, MOST, CountProfile, add_bins, count_bins
from mlops.data.profile import FEWEST, ColumnProfile
from mlops.numbers import format_distinct, format_pair

# The share of a column's false alarm rate that each test gets; see docs/statistics.md.
WEIGHTS = {
    "shift": 0.5,
    "spread": 0.15,
    "scale": 0.05,
    "shape": 0.1,
    "peak": 0.15,
    "mix": 0.7,
    "new": 0.1,
    "missing": 0.05,
}
# Smaller differences are not drift, even if they are significant, as with a large number of rows. A normal distribution
# reaches the first two floors if it moves by 0.14 standard deviations, or if its standard deviation grows by 10 %.
FLOORS = {"shift": 0.54, "spread": 1.05, "scale": 0.1, "shape": 0.05, "peak": 0.03, "new": 0.01, "missing": 0.01}
STABILITY_FLOOR = 0.02  # the same for a mix, as a population stability index
SMALLEST = 5.0  # values with a smaller expected count are pooled
FREQUENT = 10.0  # a count of one pool that chance cannot explain, and the smallest mean expected count of several pools
CLEARLY = 3.0  # standard deviations by which a listed value has to be more frequent than the others
MEAN_SQUARE = 1 / 3  # the mean square of uniform ranks from -1 to 1
TINY = 1e-3  # a lower limit for the mean square of ranks, which keeps the ratio of the spreads finite

Counts = NDArray[np.float64]


@dataclass(frozen=True)
class Evidence:
    """The result of one test of a column, before the decision whether it is drift.

    Parameters
    ----------
    test : str
        The name of the test.
    seen, expected : float
        The measured quantity, and its value if the data does not differ from the reference.
    chance : float
        The p-value: the probability of at least this difference if both distributions are the same.
    limit : callable
        A function that returns the largest value of the quantity that is not drift, given the significance level.
    detail : str
        The direction of the difference, or the values that differ.
    others : tuple of (str, float)
        For "new", the shares of further values that the reference does not have, in descending order.
    """

    test: str
    seen: float
    expected: float
    chance: float
    limit: Callable[[float], float]
    detail: str = ""
    others: tuple[tuple[str, float], ...] = ()


def compare_columns(
    reference: ColumnProfile | CountProfile, current: ColumnProfile | CountProfile
) -> Iterator[Evidence]:
    """Yield the result of each test of a column. The profiles must have the same kind and the same bin edges."""
    if reference.nulls or current.nulls:  # otherwise, the share of missing values is 0 in both
        counts = (reference.nulls, reference.count + reference.nulls, current.nulls, current.count + current.nulls)
        yield _compare_shares("missing", *counts)
    if reference.count < FEWEST or not current.count:
        return
    if isinstance(reference, ColumnProfile) and isinstance(current, ColumnProfile):
        yield from _compare_numbers(reference, current)
    elif isinstance(reference, CountProfile) and isinstance(current, CountProfile):
        yield _compare_mix(reference, current)
        yield from _compare_values(reference, current)


def _compare_numbers(reference: ColumnProfile, current: ColumnProfile) -> Iterator[Evidence]:
    first, second = np.array(reference.histogram, dtype=float), np.array(current.histogram, dtype=float)
    rows, noise = reference.count + current.count, 1 / reference.count + 1 / current.count
    apart, shares = second / current.count - first / reference.count, (first + second) / rows
    ranks = 2 * np.cumsum(shares) - shares - 1  # the mean rank of each bin, scaled to [-1, 1]
    yield _compare_shift(float(apart @ ranks), float(shares @ ranks**2 * noise) ** 0.5)
    squares = ranks**2 + shares**2 / 3  # the mean squared rank of each bin
    deviation = float(shares @ (squares - MEAN_SQUARE) ** 2 * noise) ** 0.5
    yield _compare_spread(float(apart @ squares), deviation, current.count / rows)
    yield _compare_scale(reference, current.deviation * current.deviation, noise)  # `**` can raise OverflowError
    yield _compare_shape(float(np.abs(np.cumsum(apart)).max()), noise**0.5)
    place, tries = _find_peak(first, second), int(np.count_nonzero(shares))
    counts = (int(first[place]), reference.count, int(second[place]), current.count)
    yield _compare_shares("peak", *counts, tries=tries, detail=_describe_bin(reference, place))


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
    """Return whether each known value has its own bin, so that the bins below, between and above are empty."""
    return len(reference.edges) % 2 == 0 and not any(reference.histogram[::2]) and all(reference.histogram[1::2])


def _describe_value(reference: ColumnProfile, place: int) -> str:
    """Return the value of the bin or, if the bin is empty in the reference, the known values next to it."""
    values = [float(f"{sum(ends) / 2:.12g}") for ends in zip(reference.edges[::2], reference.edges[1::2], strict=True)]
    shown = [show_day(value) for value in values] if reference.kind == "date" else format_distinct(values)
    after = place // 2
    if place % 2:
        return shown[after]
    return _describe_range(
        f"below {shown[0]}", shown[max(after - 1, 0)], shown[min(after, len(shown) - 1)], after, len(shown)
    )


def _compare_shift(moved: float, deviation: float) -> Evidence:
    def limit(chance: float) -> float:
        return min(max(0.5 - special.ndtri(chance / 2) * deviation / 2, FLOORS["shift"]), 1.0)

    chance = float(2 * special.ndtr(-abs(moved) / deviation)) if deviation else 1.0
    return Evidence("shift", min(0.5 + abs(moved) / 2, 1.0), 0.5, chance, limit, "larger" if moved > 0 else "smaller")


def _compare_spread(wider: float, deviation: float, part: float) -> Evidence:
    ours, theirs = (1 - part, part) if wider > 0 else (part, 1 - part)

    def measure(difference: float) -> float:  # the ratio of the root mean squares of both tables
        return ((MEAN_SQUARE + difference * ours) / max(MEAN_SQUARE - difference * theirs, TINY)) ** 0.5

    def limit(chance: float) -> float:
        return max(measure(float(-special.ndtri(chance / 2) * deviation)), FLOORS["spread"])

    # If all values of a column are equal, the deviation is only a rounding error.
    chance = float(2 * special.ndtr(-abs(wider) / deviation)) if deviation > 1e-12 else 1.0
    return Evidence("spread", measure(abs(wider)), 1.0, chance, limit, "grew" if wider > 0 else "shrank")


def _compare_scale(reference: ColumnProfile, variance: float, noise: float) -> Evidence:
    """Test whether the standard deviation has shrunk. In a column with few distinct values, the bins do not show this.

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

    return Evidence("shape", distance, 0.0, float(special.kolmogorov(distance / noise)), limit)


def _find_peak(first: Counts, second: Counts) -> int:
    there = np.flatnonzero(second)
    chances = _find_chance(first[there], first.sum(), second[there], second.sum())
    return int(there[np.argmin(chances)])


def _find_chance(known: Counts | float, of: float, found: Counts | float, rows: float) -> NDArray[np.float64]:
    # Given the sum of both counts, the new count has a binomial distribution. If the share is large, its variance is
    # smaller.
    return special.betainc(found, np.add(known, 1.0), rows / (of + rows))


def _compare_shares(
    test: str, known: int, of: int, found: int, rows: int, *, tries: float = 1.0, detail: str = ""
) -> Evidence:
    """Test whether a share is larger in the new data (`found / rows`) than in the reference (`known / of`).

    The p-value is multiplied by `tries`, because this share was chosen from at most that many shares.
    """

    def limit(chance: float) -> float:
        count = float(special.btdtria(chance / tries, known + 1.0, rows / (of + rows)))
        return min(max(count / rows, known / of + FLOORS[test]), 1.0)

    chance = min(tries * float(_find_chance(known, of, found, rows)), 1.0) if found else 1.0
    return Evidence(test, found / rows, known / of, chance, limit, detail)


def _compare_values(reference: CountProfile, current: CountProfile) -> Iterator[Evidence]:
    known, total = reference.values, (reference.count, current.count)
    there = [name for name in known if current.values.get(name)]
    if there:
        first, second = np.array([[known[name], current.values[name]] for name in there], dtype=float).T
        name = there[int(np.argmin(_find_chance(first, total[0], second, total[1])))]
        counts = (known[name], total[0], current.values[name], total[1])
        yield _compare_shares("peak", *counts, tries=len(known), detail=repr(name))
    new = {name: count for name, count in current.values.items() if name not in known}
    if new:
        name, *others = sorted(new, key=lambda name: (new[name], name), reverse=True)
        counts = (_bound_unlisted(reference), total[0], new[name], total[1])
        tries = total[1] / new[name]  # at most this many values can be as frequent
        found = _compare_shares("new", *counts, tries=tries, detail=repr(name))
        yield replace(found, others=tuple((other, new[other] / total[1]) for other in others))


def _bound_unlisted(reference: CountProfile) -> int:
    """Return the largest possible count of a value that the reference does not list."""
    if len(reference.values) >= MOST:
        listed = min((count for count in reference.values.values() if count), default=reference.other)
        return min(reference.other, listed)
    # The reference lists all values that occur twice or more, unless there were too many values to count.
    return reference.other if reference.other > LIMIT else min(reference.other, 1)


def _compare_mix(reference: CountProfile, current: CountProfile) -> Evidence:
    first, second = _count_in_both(reference, current)
    noise, free = 1 / first.sum() + 1 / second.sum(), max(len(first) - 1, 1)
    apart, both = first / first.sum() - second / second.sum(), (first + second) / (first + second).sum()
    statistic, distance = float((apart**2 / both).sum() / noise), float(np.abs(apart).sum() / 2)
    index = max(_measure_index(first, second), np.finfo(float).tiny)  # 0 for shares that differ by less than half a row

    # Return the distance at which both the statistic and the index reach their limits, assuming that all shares move on
    # in the same direction.
    def limit(chance: float) -> float:
        critical = float(special.chdtri(free, chance))
        if not statistic:
            return min((critical * noise) ** 0.5 / 2, 1.0)
        return min(distance * max(critical / statistic, STABILITY_FLOOR / index) ** 0.5, 1.0)

    return Evidence("mix", distance, 0.0, float(special.chdtrc(free, statistic)), limit)


def _count_in_both(reference: CountProfile, current: CountProfile) -> tuple[Counts, Counts]:
    """Return the counts in the reference and in the new data. The values that are not frequent are pooled."""
    listed = {name: (count, current.values.get(name, 0)) for name, count in reference.values.items()}
    sizes = np.array([reference.count, current.count], dtype=float)
    part = sizes.min() / sizes.sum()
    most = _bound_unlisted(reference)
    clearly = most + CLEARLY * most**0.5  # a value may be listed because it was frequent by chance
    names = [name for name, both in listed.items() if sum(both) * part >= SMALLEST and both[0] >= clearly]
    frequent = np.array([listed[name] for name in names], dtype=float).reshape(-1, 2).T
    rest = _pool_values(reference, current, frozenset(names), part)
    if frequent.size and rest.sum() * part < SMALLEST and rest.sum(axis=1)[sizes.argmin()] < FREQUENT:
        frequent[:, frequent.sum(axis=0).argmax()] += rest.sum(axis=1)
    else:
        frequent = np.column_stack([frequent, rest])
    return frequent[0], frequent[1]


def _pool_values(reference: CountProfile, current: CountProfile, without: frozenset[str], part: float) -> Counts:
    """Return the counts of all values except `without`, in pools whose mean expected count is large enough.

    There is one pool if the reference lists all values, or if one of the profiles has no bins.
    """
    pools, totals = [], []
    for profile in (reference, current):
        values = {name: count for name, count in profile.values.items() if name not in without}
        pools.append(add_bins(profile.bins, count_bins(values, values.values())))
        totals.append(sum(values.values()) + profile.other)
    if not reference.other or [sum(bins) for bins in pools] != totals or not all(pools):
        return np.array(totals, dtype=float)[:, np.newaxis]
    rest = np.array(pools, dtype=float)
    while rest.shape[1] > 1 and rest.sum() * part < FREQUENT * rest.shape[1]:
        rest = rest.reshape(2, 2, -1).sum(axis=1)
    return rest[:, rest.any(axis=0)]


def _measure_index(first: Counts, second: Counts) -> float:
    expected, actual = first + 0.5, second + 0.5
    expected, actual = expected / expected.sum(), actual / actual.sum()
    return float(((actual - expected) * np.log(actual / expected)).sum())
