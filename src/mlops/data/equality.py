"""A comparison of arrays that ignores rounding errors."""

import numpy as np
from numpy.typing import ArrayLike

ROUNDING = 1e-9  # maximum difference, as a share of the mean magnitude of the first array


def are_equal(first: ArrayLike, second: ArrayLike) -> bool:
    """Return whether two arrays of the same shape are equal, except for rounding errors. False for empty arrays."""
    one, other = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    return bool(one.size) and bool(np.allclose(one, other, rtol=0, atol=ROUNDING * float(np.abs(one).mean())))
