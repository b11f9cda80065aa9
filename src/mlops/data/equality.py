"""A comparison of arrays that ignores rounding errors."""

import numpy as np
from numpy.typing import ArrayLike

ROUNDING = 1e-9  # maximum difference, as a share of the first value or, if it is larger, of the typical magnitude


def are_equal(first: ArrayLike, second: ArrayLike) -> bool:
    """Return whether two arrays of the same shape are equal, except for rounding errors. False for empty arrays."""
    one, other = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if not one.size:
        return False
    allowed = ROUNDING * np.maximum(np.abs(one), measure_magnitude(one))
    return bool(((one == other) | (np.abs(one - other) <= allowed)).all())


def measure_magnitude(values: ArrayLike) -> float:
    """Return the typical magnitude of values, which a few huge values do not change. 0 only if all values are 0."""
    sizes = np.abs(np.asarray(values, dtype=float))
    if not sizes.size:
        return 0.0
    return float(np.quantile(sizes, 0.9) or sizes.mean())
