"""The jackknife: the gain of each row in a metric that is not a mean over rows.

Some metrics are means: each of the n rows has a value, and the metric is the mean of these values. Then the value of a
row is n times the metric of all rows, minus n - 1 times the metric without this row. For any other smooth metric, the
same formula gives the pseudo-value of a row. Pseudo-values can be treated like the values of the rows in a mean.

A metric that is not smooth, such as a median, depends on one or two rows only, so its change without a single row says
little about its variation. Then groups of at least sqrt(n) rows are left out.

Source: Tukey (1958) and Miller (1974), "The Jackknife: a Review", Biometrika 61(1), 1-15. For the area under the ROC
curve, the variance of the pseudo-values is that of DeLong, DeLong and Clarke-Pearson (1988). Groups of rows: Busing,
Meijer and van der Leeden (1999), "Delete-m Jackknife for Unequal m", Statistics and Computing 9, 3-8. Metrics that are
not smooth: Shao and Wu (1989), "A General Theory for Jackknife Variance Estimation", Annals of Statistics 17(3).
"""

from math import isqrt

import numpy as np
from numpy.typing import NDArray

from mlops.data.equality import ROUNDING
from mlops.problem import Metric

Floats = NDArray[np.float64]
Groups = NDArray[np.int64]

MOST_WEIGHTS = 20_000_000  # maximum of rows times groups; the area under the ROC curve then takes 1 s per model
MOST_WEIGHTS_SLOW = 300_000  # the same for a metric that must be computed once per group
FEWEST_GROUPS = 30  # approximate; with 30 values, the error of a standard deviation is 13 %
BATCH_WEIGHTS = 1_000_000  # maximum number of weights in memory, unless a single group needs more


def assign_groups(rows: int, smooth: bool) -> Groups:
    """Return the index of each row's group, counted from 0. The rows of a group are left out together.

    Parameters
    ----------
    rows : int
        The number of rows, at least 1.
    smooth : bool
        Whether the metric is known to be smooth, and can be computed for many groups at once. If so, the groups are as
        small as the computing time allows: for up to 4,472 rows, each row is a group of its own. If not, a group has
        at least sqrt(rows) rows.
    """
    allowed = (MOST_WEIGHTS if smooth else MOST_WEIGHTS_SLOW) // rows
    size = max(-(-rows // max(FEWEST_GROUPS, allowed)), 1 if smooth else isqrt(rows))
    if size == 1:
        return np.arange(rows)
    return np.random.default_rng(0).permutation(rows) % (rows // size)


def leave_out(metric: Metric, actual: NDArray[np.generic], predicted: NDArray[np.generic], groups: Groups) -> Floats:
    """Return, for each group of rows, the metric of all rows outside the group; NaN if the metric is undefined.

    If the group of every row is -1, no row is left out: the only value of the result is the metric of all rows.
    """
    if predicted.ndim == 1:  # a metric that sorts the rows takes a third of the time if they are already sorted
        order = np.argsort(predicted, kind="stable")
        actual, predicted, groups = actual[order], predicted[order], groups[order]
    count, batch = max(1, int(groups.max()) + 1), max(1, BATCH_WEIGHTS // len(groups))
    batches = (np.arange(start, min(start + batch, count)) for start in range(0, count, batch))
    measured = [metric.measure_weighted(actual, predicted, groups != some[:, None]) for some in batches]
    return np.concatenate(measured)


def list_pseudo_values(whole: float, left_out: Floats, groups: Groups) -> Floats:
    """Return the pseudo-value of each group of rows.

    Parameters
    ----------
    whole : float
        The metric of all rows.
    left_out : array of shape (groups,)
        For each group, the metric of all rows outside the group.
    groups : array of shape (n,)
        The group of each row.

    Returns
    -------
    array of shape (groups,)
        The pseudo-values, shifted so that their mean is the metric of all rows. Rounding errors become 0.
    """
    times = len(groups) / np.bincount(groups)
    values = whole + (times - 1) * (whole - left_out)
    values = values + (whole - values.mean())
    return np.where(np.abs(values) <= ROUNDING * np.abs(values).max(), 0.0, values)
