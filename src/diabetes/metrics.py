"""The metrics of predictions."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score


def score_predictions(actual: ArrayLike, predicted: ArrayLike) -> dict[str, float | None]:
    """Return the metrics of a regression.

    Parameters
    ----------
    actual, predicted : array of shape (n,)
        The disease progression of each row.

    Returns
    -------
    dict of str to float or None
        ``mse`` (lower is better; squared units of the target), ``mae`` (lower is better; units of the target),
        ``r2`` (higher is better; 1 is perfect). None if there are too few rows.
    """
    rows = len(np.asarray(actual))
    if rows < 2:
        return {"mse": None, "mae": None, "r2": None}
    return {
        "mse": float(mean_squared_error(actual, predicted)),
        "mae": float(mean_absolute_error(actual, predicted)),
        "r2": float(r2_score(actual, predicted)),
    }


def squared_errors(actual: ArrayLike, predicted: ArrayLike) -> NDArray[np.float64]:
    """Return the squared error of every row. Lower is better, and the mean is the ``mse``."""
    return np.square(np.asarray(actual, dtype=float) - np.asarray(predicted, dtype=float))
