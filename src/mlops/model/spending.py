"""The confidence that each comparison with a champion needs.

Each comparison is another chance to promote a model that is not better. So each comparison may use only a part of the
allowed error rate. The part of the k-th comparison is proportional to k^-1.5, and all parts add up to the whole rate.
So the error rate holds for any number of comparisons, whether they use the same rows, more rows or other rows.

Source: Foster and Stine (2008), "Alpha-investing", and Tian and Ramdas (2021), "Online Control of the Familywise Error
Rate", arXiv 1910.04900 (spending with a fixed sequence); the exponent was chosen by simulation, see docs/statistics.md.
"""

from scipy.special import zeta

DECAY = 1.5


def spend(confidence: float, look: int) -> float:
    """Return the confidence that one comparison needs, given the confidence of all comparisons together.

    Parameters
    ----------
    confidence : float
        The probability that a champion is never replaced by a model that is not better, between 0 and 1.
    look : int
        The number of this comparison among all comparisons with the champion, counted from 1; 0 if it does not count as
        a comparison with the champion. For 0, the result is `confidence`.

    Examples
    --------
    >>> [round(spend(0.95, look), 5) for look in (1, 5, 20)]
    [0.98086, 0.99829, 0.99979]
    """
    if not look:
        return confidence
    return 1 - (1 - confidence) / (float(zeta(DECAY)) * look**DECAY)
