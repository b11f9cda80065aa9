"""The comparison of arrays up to rounding."""

import numpy as np
from numpy.typing import ArrayLike

ROUNDING = 1e-9  # relative to the mean magnitude of the first array


def are_equal(first: ArrayLike, second: ArrayLike) -> bool:
    """Return whether two arrays of the same shape have the same values up to rounding."""
    one, other = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    return bool(one.size) and bool(np.allclose(one, other, rtol=0, atol=ROUNDING * float(np.abs(one).mean())))
