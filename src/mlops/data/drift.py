"""Drift: whether the distribution of new data differs from the reference.

Each column has two tests, a binned Kolmogorov-Smirnov test for the shape and a ratio of standard deviations for the
spread. One false-alarm rate applies to the whole table (Bonferroni). With many rows, every difference is significant,
so a difference in shape must also be large enough to matter: a population stability index of at least 0.02.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
from scipy.stats import kstwobign, norm

from mlops.data.profile import ColumnProfile, Profile

STABILITY_FLOOR = 0.02
SPREAD_FLOOR = 1.1
MOST = 20  # columns in a table or a plot
KURTOSIS = 6.0  # an assumption, above the 3 of the normal distribution, so that heavy tails do not raise false alarms


@dataclass(frozen=True)
class Drift:
    """One test of one column.

    Parameters
    ----------
    column : str
        The column.
    test : str
        "shape" or "spread".
    seen, allowed : float
        The largest distance between the cumulative distributions (0 to 1) or the ratio of the standard deviations (1
        or more), and the largest value that does not count as drift.
    drifted : bool
        Whether the column has drifted.
    """

    column: str
    test: str
    seen: float
    allowed: float
    drifted: bool


def compare_profiles(reference: Profile, current: Profile, false_alarm_rate: float) -> list[Drift]:
    """Compare each column of `current` with the reference; skip columns that have no values in either.

    Parameters
    ----------
    reference, current : Profile
        Profiles with the same edges.
    false_alarm_rate : float
        The probability of at least one alarm for a table with the reference's distribution, between 0 and 1.

    Returns
    -------
    list of Drift
        Two per column, in the order of the reference.
    """
    columns = [name for name, column in current.items() if column.count and name in reference and reference[name].count]
    rate = false_alarm_rate / (2 * len(columns)) if columns else 1.0
    return [
        drift
        for name in columns
        for drift in (
            _compare_shape(name, reference[name], current[name], rate),
            _compare_spread(name, reference[name], current[name], rate),
        )
    ]


def choose_columns(names: Collection[str], drifts: Iterable[Drift], most: int = MOST) -> list[str]:
    """Return the columns to show: all in their order or, if there are more than `most`, those with the largest shift.

    Parameters
    ----------
    names : collection of str
        The columns.
    drifts : iterable of Drift
        Their comparison with the reference. Columns without one count as not shifted.
    most : int
        The largest number of columns.
    """
    if len(names) <= most:
        return list(names)
    shifts = {drift.column: drift.seen for drift in drifts if drift.test == "shape"}
    return sorted(names, key=lambda name: -shifts.get(name, 0.0))[:most]


def describe_choice(shown: Collection[str], names: Collection[str]) -> str:
    """Say which columns `choose_columns` chose; return "" if it chose all."""
    if len(shown) == len(names):
        return ""
    return f"The {len(shown)} of {len(names):,} columns with the largest shift"


def _compare_shape(name: str, reference: ColumnProfile, current: ColumnProfile, rate: float) -> Drift:
    apart = np.cumsum(reference.histogram) / reference.count - np.cumsum(current.histogram) / current.count
    distance = float(np.abs(apart).max())
    allowed = float(kstwobign.isf(rate) * (1 / reference.count + 1 / current.count) ** 0.5)
    moved = distance > allowed and measure_stability(reference, current) >= STABILITY_FLOOR
    return Drift(name, "shape", distance, allowed, moved)


def _compare_spread(name: str, reference: ColumnProfile, current: ColumnProfile, rate: float) -> Drift:
    smaller, larger = sorted((reference.deviation, current.deviation))
    ratio = larger / smaller if smaller else (np.inf if larger else 1.0)
    # variance of the logarithm of a standard deviation: (kurtosis - 1) / (4 n)
    noise = ((KURTOSIS - 1) / 4 * (1 / reference.count + 1 / current.count)) ** 0.5
    allowed = max(float(np.exp(norm.isf(rate / 2) * noise)), SPREAD_FLOOR)
    return Drift(name, "spread", float(ratio), allowed, bool(ratio > allowed))


def measure_stability(reference: ColumnProfile, current: ColumnProfile) -> float:
    """Return the population stability index, 0 for no change. Half a value is added to each bin, so none is empty."""
    expected = np.array(reference.histogram) + 0.5
    actual = np.array(current.histogram) + 0.5
    expected, actual = expected / expected.sum(), actual / actual.sum()
    return float(((actual - expected) * np.log(actual / expected)).sum())
