"""The probability that a mean differs much from its expectation, if the distribution of the mean is skewed.

With rare values, such as a 1 in 2 % of 60 rows, the normal distribution makes large differences look less likely than
they are. The gamma distribution (Pearson's type III) with the same skewness does not.

Sources: Pearson (1895), "Contributions to the Mathematical Theory of Evolution II: Skew Variation in Homogeneous
Material"; Cochran (1977), "Sampling Techniques", section 2.15 (the skewness of the mean of a sample).
"""

from scipy import special

from mlops.data.evidence.outcome import Counts

LEAST = 1e-3  # with less skewness, both distributions have the same tails


def measure_skewness(scores: Counts, shares: Counts, rows: int, others: int) -> float:
    """Return the skewness of the mean score of `rows` rows of a table, drawn without replacement.

    Parameters
    ----------
    scores, shares : array
        The scores of the bins, and the share of all rows in each bin.
    rows, others : int
        The number of rows that are drawn, and the number of the other rows.
    """
    apart = scores - shares @ scores
    variance = float(shares @ apart**2)
    if not variance:
        return 0.0
    return float(shares @ apart**3) / variance**1.5 * (others - rows) / (rows * others * (rows + others)) ** 0.5


def find_tail(distance: float, skewness: float) -> float:
    """Return the two-sided p-value of a difference of `distance` standard errors.

    `skewness` is positive if large differences in this direction are more likely than in the other.
    """
    normal = float(special.ndtr(-distance))
    if skewness < LEAST:
        return 2 * normal
    shape = 4 / skewness**2
    return min(2 * max(normal, float(special.gammaincc(shape, shape + distance * shape**0.5))), 1.0)


def find_distance(chance: float, skewness: float) -> float:
    """Return the difference, in standard errors, whose two-sided p-value is `chance`. See `find_tail`."""
    normal = -float(special.ndtri(chance / 2))
    if skewness < LEAST:
        return normal
    shape = 4 / skewness**2
    return max(normal, (float(special.gammainccinv(shape, chance / 2)) - shape) / shape**0.5)
