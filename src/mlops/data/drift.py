"""Drift: a difference between the distributions of new data and of reference data.

There are five tests for a number or a date: larger or smaller values than in the reference ("shift"), a different
spread ("spread"), a smaller standard deviation ("scale"), the distance between the distributions ("shape"), and too
many values in one bin ("peak"). There are three tests for a category or a boolean: a different mix of values ("mix"),
one value that is too frequent ("peak"), and values that the reference does not have ("new"). For every kind, there is a
test of the share of missing values ("missing"). A difference counts as drift only if chance cannot explain it and if it
is large enough to matter. docs/statistics.md has the error rates.

Source for the correction for multiple tests: Holm (1979), "A simple sequentially rejective multiple test procedure".
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from mlops.data.evidence.columns import compare_columns
from mlops.data.evidence.outcome import WEIGHTS, Evidence
from mlops.data.profile import Profile
from mlops.numbers import format_number

MOST = 20  # maximum number of columns in a table or a plot
MOST_VALUES = 5  # maximum number of new values that a message lists


@dataclass(frozen=True)
class Drift:
    """The result of one test of a column for drift.

    Parameters
    ----------
    column : str
        The name of the column.
    test : str
        The name of the test: "shift", "spread", "scale", "shape", "peak", "mix", "new" or "missing".
    seen, allowed : float
        The measured quantity, and its largest value that does not count as drift. For "shift", the quantity is the
        probability that a new value is larger (or smaller, see `detail`) than a value of the reference; for "spread",
        the root mean squares of the distances from the middle rank, the larger divided by the smaller; for "scale",
        the relative decrease of the standard deviation (0 to 1); for "shape", the largest distance between the
        cumulative distributions; for "mix", the total variation distance; for "peak", "new" and "missing", a share of
        the rows.
    expected : float
        The value of the quantity if the data does not differ from the reference.
    detail : str
        The direction of the difference. For "mix", a note if the new data has more than 1,000 unexpected values. For
        "peak", the values that are too frequent. For "new", the most frequent new value, whose share is `seen`, and
        then other new values above the allowed share, with their shares; if they are many, only the first few.
    """

    column: str
    test: str
    seen: float
    allowed: float
    expected: float = 0.0
    detail: str = ""

    @property
    def drifted(self) -> bool:
        """True if `seen` is above `allowed`."""
        return self.seen > self.allowed

    @property
    def strength(self) -> float:
        """The excess of `seen` over `expected`, as a multiple of the allowed excess; 0 if there is no excess."""
        return (self.seen - self.expected) / (self.allowed - self.expected) if self.seen > self.expected else 0.0


def compare_profiles(reference: Profile, current: Profile, false_alarm_rate: float) -> list[Drift]:
    """Test each column of `current` that is also in `reference` for drift.

    Parameters
    ----------
    reference, current : Profile
        The profiles of the reference data and of the new data, with the same bin edges.
    false_alarm_rate : float
        The probability, between 0 and 1, that drift is found in a table with the same distribution as the reference,
        on average over references.

    Returns
    -------
    list of Drift
        The results of the tests, column by column, in the order of `current`. If a column has missing values in one of
        the profiles, it has the test "missing". If it has at least 10 values in the reference and any in the new data,
        it has five more tests (number or date) or one to three more (category or boolean); see `mlops.data.evidence`.
    """
    found = [
        (name, evidence)
        for name, column in current.items()
        if name in reference
        for evidence in compare_columns(reference[name], column)
    ]
    cutoff = _choose_cutoff([evidence for _, evidence in found], false_alarm_rate)
    return [_decide(name, evidence, cutoff, false_alarm_rate) for name, evidence in found]


def select_strongest(drifts: Iterable[Drift]) -> dict[str, Drift]:
    """Return, by column name, the test result with the largest `strength` for this column."""
    strongest: dict[str, Drift] = {}
    for drift in drifts:
        known = strongest.setdefault(drift.column, drift)
        if drift.strength > known.strength:
            strongest[drift.column] = drift
    return strongest


def choose_columns(names: Collection[str], drifts: Iterable[Drift], most: int = MOST) -> list[str]:
    """Return the columns to show: all of them or, if there are too many, those that differ most from the reference.

    Parameters
    ----------
    names : collection of str
        The names of the columns.
    drifts : iterable of Drift
        The result of `compare_profiles`.
    most : int
        The maximum number of columns to show.
    """
    if len(names) <= most:
        return list(names)
    strengths = {name: drift.strength for name, drift in select_strongest(drifts).items()}
    return sorted(names, key=lambda name: -strengths.get(name, 0.0))[:most]


def describe_choice(shown: Collection[str], names: Collection[str]) -> str:
    """Return a caption for a selection of columns. Return "" if all columns are shown."""
    if len(shown) == len(names):
        return ""
    return f"The {len(shown)} of {len(names):,} columns that differ most from the reference"


def _decide(column: str, evidence: Evidence, cutoff: float, rate: float) -> Drift:
    allowed = float(evidence.limit(min(cutoff * WEIGHTS[evidence.test], rate)))
    above = [f"{format_number(100 * share)}% {value!r}" for value, share in evidence.others if share > allowed]
    hidden = len(above) + 1 - MOST_VALUES
    named = [evidence.detail, *above[: MOST_VALUES - 1], *([f"{hidden} more"] if hidden > 0 else [])]
    detail = f"{', '.join(named[:-1])} and {named[-1]}" if named[1:] else evidence.detail
    return Drift(column, evidence.test, evidence.seen, allowed, evidence.expected, detail)


def _choose_cutoff(found: Sequence[Evidence], rate: float) -> float:
    """Return Holm's cutoff. A p-value is significant if it is at most the cutoff times the weight of its test."""
    weights = np.array([WEIGHTS[evidence.test] for evidence in found])
    ratios = np.array([evidence.chance for evidence in found]) / weights
    order = np.argsort(ratios)
    cutoffs = rate / np.cumsum(weights[order[::-1]])[::-1]  # the sum of the weights of this test and of all later tests
    kept = np.flatnonzero(ratios[order] > cutoffs)
    return float(cutoffs[kept[0]]) if kept.size else rate / min(WEIGHTS.values())
