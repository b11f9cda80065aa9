"""The result of a test of a column, the weight of each test, and the smallest difference that can be drift."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
        The p-value: the probability of a difference at least this large if both distributions are the same.
    limit : callable
        A function that returns, for a significance level, the largest value that does not count as drift.
    detail : str
        The direction of the difference, or the values that differ.
    others : tuple of (str, float)
        For "new", the other values that the reference does not have, with their shares, the largest share first.
    """

    test: str
    seen: float
    expected: float
    chance: float
    limit: Callable[[float], float]
    detail: str = ""
    others: tuple[tuple[str, float], ...] = ()
