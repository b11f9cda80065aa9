"""Drift: a difference between the distribution of new data and that of a reference.

A number or a date has two tests: a binned Kolmogorov-Smirnov test for the shape, and the ratio of the standard
deviations for the spread. A category or a boolean has one: a chi-square test for the mix of its values. A difference in
shape or mix counts only if the population stability index is at least 0.02, because with many rows, even a tiny
difference is significant.

Source of the chi-square test: Pearson (1900), "On the criterion that a given system of deviations ... can be reasonably
supposed to have arisen from random sampling". Source of the smallest expected count: Cochran (1954), "Some methods for
strengthening the common chi-square tests".
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, kstwobign, norm

from mlops.data.kinds.counts import CountProfile
from mlops.data.profile import ColumnProfile, Profile

STABILITY_FLOOR = 0.02
SPREAD_FLOOR = 1.1
MOST = 20  # maximum number of columns in a table or a plot
DISTANCES = ("shape", "mix")  # the tests whose result is a distance from 0 to 1
SMALLEST = 5.0  # values with a smaller expected count are counted together, unless they are frequent after all
FREQUENT = 10.0  # count of an unexpected value that chance cannot explain
KURTOSIS = 6.0  # an assumption; a normal distribution has 3, but heavy tails should raise no alarm


@dataclass(frozen=True)
class Drift:
    """The result of testing one column of a table for drift.

    Parameters
    ----------
    column : str
        The name of the column.
    test : str
        The name of the test: "shape", "spread" or "mix".
    seen, allowed : float
        The measured value and the largest value that does not count as drift. For "shape", the value is the largest
        distance between the cumulative distributions (0 to 1); for "spread", the ratio of the larger standard deviation
        to the smaller one (1 or more); for "mix", the total variation distance: the share of rows that would need
        another value to get the mix of the reference (0 to 1).
    drifted : bool
        Whether the test found drift.
    """

    column: str
    test: str
    seen: float
    allowed: float
    drifted: bool


def compare_profiles(reference: Profile, current: Profile, false_alarm_rate: float) -> list[Drift]:
    """Test each column of `current` for drift, except columns that have no values in one of the profiles.

    Parameters
    ----------
    reference, current : Profile
        The profiles of the reference data and of the new data, with the same edges.
    false_alarm_rate : float
        The probability, between 0 and 1, of finding drift in a table with the same distribution as the reference.

    Returns
    -------
    list of Drift
        Two tests per number or date and one per category or boolean, in the order of the columns of `current`.
    """
    names = [name for name, column in current.items() if column.count and name in reference and reference[name].count]
    pairs = [(name, reference[name], current[name]) for name in names]
    tests = sum(2 if isinstance(column, ColumnProfile) else 1 for _, _, column in pairs)
    rate = false_alarm_rate / tests if tests else 1.0
    shape, spread = float(kstwobign.isf(rate)), float(norm.isf(rate / 2))  # once, because SciPy takes 70 µs for each
    found: list[Drift] = []
    for name, first, second in pairs:
        if isinstance(first, ColumnProfile) and isinstance(second, ColumnProfile):
            found += _compare_shape(name, first, second, shape), _compare_spread(name, first, second, spread)
        elif isinstance(first, CountProfile) and isinstance(second, CountProfile):
            found.append(_compare_mix(name, first, second, rate))
    return found


def choose_columns(names: Collection[str], drifts: Iterable[Drift], most: int = MOST) -> list[str]:
    """Choose at most `most` columns to show, those with the largest distance from the reference.

    Parameters
    ----------
    names : collection of str
        The names of the columns.
    drifts : iterable of Drift
        The result of `compare_profiles`.
    most : int
        The maximum number of columns.
    """
    if len(names) <= most:
        return list(names)
    shifts = {drift.column: drift.seen for drift in drifts if drift.test in DISTANCES}
    return sorted(names, key=lambda name: -shifts.get(name, 0.0))[:most]


def describe_choice(shown: Collection[str], names: Collection[str]) -> str:
    """Return a caption that says which of the columns `names` are `shown`. Return "" if all are shown."""
    if len(shown) == len(names):
        return ""
    return f"The {len(shown)} of {len(names):,} columns with the largest shift"


def _compare_shape(name: str, reference: ColumnProfile, current: ColumnProfile, critical: float) -> Drift:
    apart = np.cumsum(reference.histogram) / reference.count - np.cumsum(current.histogram) / current.count
    distance = float(np.abs(apart).max())
    allowed = float(critical * (1 / reference.count + 1 / current.count) ** 0.5)
    moved = distance > allowed and measure_stability(reference, current) >= STABILITY_FLOOR
    return Drift(name, "shape", distance, allowed, moved)


def _compare_spread(name: str, reference: ColumnProfile, current: ColumnProfile, critical: float) -> Drift:
    smaller, larger = sorted((reference.deviation, current.deviation))
    ratio = larger / smaller if smaller else (np.inf if larger else 1.0)
    # variance of the logarithm of a standard deviation: (kurtosis - 1) / (4 n)
    noise = ((KURTOSIS - 1) / 4 * (1 / reference.count + 1 / current.count)) ** 0.5
    allowed = max(float(np.exp(critical * noise)), SPREAD_FLOOR)
    return Drift(name, "spread", float(ratio), allowed, bool(ratio > allowed))


def _compare_mix(name: str, reference: CountProfile, current: CountProfile, rate: float) -> Drift:
    first, second = _count_in_both(reference, current)
    share = 1 / first.sum() + 1 / second.sum()
    apart, both = first / first.sum() - second / second.sum(), (first + second) / (first + second).sum()
    statistic = float((apart**2 / both).sum() / share)
    critical = float(chi2.isf(rate, max(len(first) - 1, 1)))
    distance = float(np.abs(apart).sum() / 2)
    # The distance at which the statistic reaches its critical value, if all shares keep moving in the same direction.
    allowed = distance * (critical / statistic) ** 0.5 if statistic else (critical * share) ** 0.5 / 2
    moved = statistic > critical and _measure_index(first, second) >= STABILITY_FLOOR
    return Drift(name, "mix", distance, min(allowed, 1.0), moved)


def _count_in_both(reference: CountProfile, current: CountProfile) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    known = [current.values.get(value, 0) for value in reference.values]
    counts = np.array(
        [[*reference.values.values(), reference.other], [*known, current.count - sum(known)]], dtype=float
    )
    totals, sizes = counts.sum(axis=0), counts.sum(axis=1)
    expected = totals * sizes.min() / sizes.sum()
    rare = (expected < SMALLEST) & (counts[sizes.argmin()] < FREQUENT)
    rest, frequent = counts[:, rare].sum(axis=1), counts[:, ~rare]
    if frequent.size and expected[rare].sum() < SMALLEST:
        frequent[:, frequent.sum(axis=0).argmax()] += rest
    else:
        frequent = np.column_stack([frequent, rest])
    return frequent[0], frequent[1]


def measure_stability(reference: ColumnProfile, current: ColumnProfile) -> float:
    """Return the population stability index of two profiles of a column; 0 means no change."""
    return _measure_index(np.array(reference.histogram), np.array(current.histogram))


def _measure_index(first: NDArray[np.generic], second: NDArray[np.generic]) -> float:
    expected, actual = first.astype(float) + 0.5, second.astype(float) + 0.5
    expected, actual = expected / expected.sum(), actual / actual.sum()
    return float(((actual - expected) * np.log(actual / expected)).sum())
