"""The confidence that each comparison with a champion needs.

Each comparison is another chance to promote a model that is not better. So the k-th comparison with a champion may only
spend a share of the allowed error rate, which is proportional to k^-1.5. All shares together are 1, so the rate holds
for any number of comparisons, whether they use the same rows, more rows or other rows.

Source: Foster and Stine (2008), "Alpha-investing", and Tian and Ramdas (2021), "Online Control of the Familywise Error
Rate", arXiv 1910.04900 (spending with a fixed sequence); the exponent was chosen by simulation, see docs/statistics.md.
"""

from scipy.special import zeta

DECAY = 1.5


def spend(confidence: float, look: int) -> float:
    """Return the confidence that the bound needs at a look, so that all looks together keep `confidence`.

    Parameters
    ----------
    confidence : float
        The probability that a champion is never replaced by a model that is not better, between 0 and 1.
    look : int
        The number of this comparison with the champion; 1 for the first.

    Examples
    --------
    >>> [round(spend(0.95, look), 5) for look in (1, 5, 20)]
    [0.98086, 0.99829, 0.99979]
    """
    return 1 - (1 - confidence) / (float(zeta(DECAY)) * look**DECAY)
