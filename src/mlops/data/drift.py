"""Drift: a difference between the distribution of new data and that of a reference.

Each column has two tests: a binned Kolmogorov-Smirnov test for the shape, and the ratio of the standard deviations for
the spread. A difference in shape counts only if the population stability index is at least 0.02, because with many
rows, even a tiny difference is significant.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
from scipy.stats import kstwobign, norm

from mlops.data.profile import ColumnProfile, Profile

STABILITY_FLOOR = 0.02
SPREAD_FLOOR = 1.1
MOST = 20  # maximum number of columns in a table or a plot
KURTOSIS = 6.0  # an assumption; a normal distribution has 3, but heavy tails should raise no alarm


@dataclass(frozen=True)
class Drift:
    """The result of testing one column of a table for drift.

    Parameters
    ----------
    column : str
        The name of the column.
    test : str
        "shape" or "spread".
    seen, allowed : float
        The measured value and the largest value that does not count as drift. For "shape", the value is the largest
        distance between the cumulative distributions (0 to 1); for "spread", the ratio of the larger standard deviation
        to the smaller one (1 or more).
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
        Two tests per column, in the order of the columns of `current`.
    """
    columns = [name for name, column in current.items() if column.count and name in reference and reference[name].count]
    rate = false_alarm_rate / (2 * len(columns)) if columns else 1.0
    shape, spread = float(kstwobign.isf(rate)), float(norm.isf(rate / 2))  # once, because SciPy takes 70 µs for each
    return [
        drift
        for name in columns
        for drift in (
            _compare_shape(name, reference[name], current[name], shape),
            _compare_spread(name, reference[name], current[name], spread),
        )
    ]


def choose_columns(names: Collection[str], drifts: Iterable[Drift], most: int = MOST) -> list[str]:
    """Choose at most `most` columns to show, those with the largest drift in shape.

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
    shifts = {drift.column: drift.seen for drift in drifts if drift.test == "shape"}
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


def measure_stability(reference: ColumnProfile, current: ColumnProfile) -> float:
    """Return the population stability index of two profiles of a column; 0 means no change."""
    expected = np.array(reference.histogram) + 0.5
    actual = np.array(current.histogram) + 0.5
    expected, actual = expected / expected.sum(), actual / actual.sum()
    return float(((actual - expected) * np.log(actual / expected)).sum())
