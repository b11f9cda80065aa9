"""The tests of a column of categories or booleans. They use only the counts of the values.

If the profile does not list all values, its rare and unlisted values are pooled in bins by their checksums.

Sources: Pearson (1900), "On the criterion that a given system of deviations ... can be reasonably supposed to have
arisen from random sampling" (mix); Cochran (1954), "Some methods for strengthening the common chi-square tests" (rare
values).
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from scipy import special

from mlops.data.evidence.outcome import Counts, Evidence
from mlops.data.evidence.shares import compare_shares, find_chance
from mlops.data.evidence.tails import find_distance, find_tail, measure_skewness
from mlops.data.kinds.counts import LIMIT, MOST, CountProfile, add_bins, count_bins

STABILITY_FLOOR = 0.02  # a mix with a smaller population stability index is not drift, even if it is significant
SMALLEST = 5.0  # values with a smaller expected count are pooled
FREQUENT = 10.0  # a count of one pool that chance cannot explain, and the smallest mean expected count of several pools
CLEARLY = 3.0  # standard deviations by which a listed value has to be more frequent than the others


def compare_categories(reference: CountProfile, current: CountProfile) -> Iterator[Evidence]:
    """Yield the results of the tests "mix", "peak" and "new". Both profiles must have values.

    If no value of the new data is listed in the reference, "peak" is left out; if all are listed, "new" is left out.
    """
    yield _compare_mix(reference, current)
    yield from _compare_values(reference, current)


def _compare_values(reference: CountProfile, current: CountProfile) -> Iterator[Evidence]:
    known, total = reference.values, (reference.count, current.count)
    there = [name for name in known if current.values.get(name)]
    if there:
        first, second = np.array([[known[name], current.values[name]] for name in there], dtype=float).T
        name = there[int(np.argmin(find_chance(first, total[0], second, total[1])))]
        counts = (known[name], total[0], current.values[name], total[1])
        yield compare_shares("peak", *counts, tries=len(known), detail=repr(name))
    new = {name: count for name, count in current.values.items() if name not in known}
    if new:
        name, *others = sorted(new, key=lambda name: (new[name], name), reverse=True)
        counts = (_bound_unlisted(reference), total[0], new[name], total[1])
        tries = total[1] / new[name]  # at most this many values can be as frequent
        found = compare_shares("new", *counts, tries=tries, detail=repr(name))
        yield replace(found, others=tuple((other, new[other] / total[1]) for other in others))


def _bound_unlisted(reference: CountProfile) -> int:
    """Return the largest count that an unlisted value can have in the reference data."""
    if len(reference.values) >= MOST:
        listed = min((count for count in reference.values.values() if count), default=reference.other)
        return min(reference.other, listed)
    # The reference lists all values that occur twice or more, unless there were too many values to count.
    return reference.other if reference.other > LIMIT else min(reference.other, 1)


def _compare_mix(reference: CountProfile, current: CountProfile) -> Evidence:
    first, second = _count_in_both(reference, current)
    noise, free = 1 / first.sum() + 1 / second.sum(), max(len(first) - 1, 1)
    apart, both = first / first.sum() - second / second.sum(), (first + second) / (first + second).sum()
    statistic, distance = float((apart**2 / both).sum() / noise), min(float(np.abs(apart).sum() / 2), 1.0)
    index = max(_measure_index(first, second), np.finfo(float).tiny)  # 0 for shares that differ by less than half a row
    skewness = _measure_skewness(first, second) if len(first) == 2 else 0.0

    # Return the distance at which both the statistic and the index reach their limits, assuming that all shares move on
    # in the same direction.
    def limit(chance: float) -> float:
        critical = float(special.chdtri(free, chance)) if free > 1 else find_distance(chance, skewness) ** 2
        if not statistic:
            return min((critical * noise) ** 0.5 / 2, 1.0)
        return min(distance * max(critical / statistic, STABILITY_FLOOR / index) ** 0.5, 1.0)

    chance = float(special.chdtrc(free, statistic)) if free > 1 else find_tail(statistic**0.5, skewness)
    unnamed = ", with too many unexpected values to name them" if current.other > LIMIT else ""
    return Evidence("mix", distance, 0.0, chance, limit, unnamed)


def _measure_skewness(first: Counts, second: Counts) -> float:
    """Return the skewness of the share of one of two values, namely of the value whose share grew."""
    shares = (first + second) / (first + second).sum()
    larger = (second / second.sum() > first / first.sum()).astype(float)
    return measure_skewness(larger, shares, int(second.sum()), int(first.sum()))


def _count_in_both(reference: CountProfile, current: CountProfile) -> tuple[Counts, Counts]:
    """Return the counts of values in the reference and in the new data. Values that are not frequent are pooled."""
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
    """Pool all values except `without`, and return the count of each pool in the reference and in the new data.

    Pools are merged until large enough. If the reference lists all values or a profile has no bins, there is one pool.
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
