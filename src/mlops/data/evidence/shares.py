"""The test of whether a share of the values is larger than in the reference ("peak", "new" and "missing").

Source: Przyborowski and Wilenski (1940), "Homogeneity of results in testing samples from Poisson series".
"""

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mlops.data.evidence.outcome import FLOORS, Counts, Evidence


def find_chance(known: Counts | float, of: float, found: Counts | float, rows: float) -> NDArray[np.float64]:
    """Return the p-value of the test. For arrays of counts, return an array with one p-value per pair of counts."""
    # Given the sum of both counts, the new count has a binomial distribution. If the share is large, its variance is
    # smaller.
    return special.betainc(found, np.add(known, 1.0), rows / (of + rows))


def compare_shares(
    test: str, known: int, of: int, found: int, rows: int, *, tries: float = 1.0, detail: str = ""
) -> Evidence:
    """Test whether a share grew from `known / of` (reference) to `found / rows` (new data), and return the result.

    The share was chosen from at most `tries` shares, so the p-value is multiplied by `tries`.
    """

    def limit(chance: float) -> float:
        count = float(special.btdtria(chance / tries, known + 1.0, rows / (of + rows)))
        return min(max(count / rows, known / of + FLOORS[test]), 1.0)

    chance = min(tries * float(find_chance(known, of, found, rows)), 1.0) if found else 1.0
    return Evidence(test, found / rows, known / of, chance, limit, detail)
