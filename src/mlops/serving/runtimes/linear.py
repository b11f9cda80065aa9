"""Linear models, whose predictions have the same bits as those of scikit-learn for rows in C order."""

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from .encoding import Arrays, Matrix, require_finite
from .record import Record

WEIGHTS, INTERCEPT = "weights", "intercept"  # arrays
LOWEST = -709.0  # exp overflows for the negative of a smaller number


def open_linear(record: Record, arrays: Arrays) -> Callable[[Matrix], Matrix]:
    """Return the function that predicts with a linear model.

    The function raises ValueError if a prediction is not finite, because of a missing value or of numbers that are too
    large.
    """
    weights, intercept = arrays[WEIGHTS].T, arrays[INTERCEPT]  # transposed here, as in scikit-learn
    link = LINKS[record.link]

    def predict(matrix: Matrix) -> Matrix:
        sums = matrix @ weights + intercept
        require_finite(sums)
        return link(sums) if link else sums

    return predict


def _apply_logistic(sums: Matrix) -> Matrix:
    # `math.exp` gives the bits of scipy's `expit`; `np.exp` differs in the last bit for 2 % of the values.
    exp = math.exp
    likely = np.array([1 / (1 + exp(-value)) if value > LOWEST else 0.0 for value in sums.ravel().tolist()])
    return np.column_stack([1 - likely, likely])


def _apply_softmax(sums: Matrix) -> NDArray[np.float64]:
    likely = np.exp(sums - sums.max(axis=1, keepdims=True))
    return likely / likely.sum(axis=1, keepdims=True)


LINKS: Mapping[str, Callable[[Matrix], Matrix] | None] = {
    "identity": None,
    "exponential": np.exp,
    "logistic": _apply_logistic,
    "softmax": _apply_softmax,
}
