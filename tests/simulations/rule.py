"""The rule by which the simulations promote a challenger, for many samples at once."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlops.model.bounds import are_too_skewed, bound_mean
from simulations.draws import Floats


def promote(gains: Floats, confidence: ArrayLike) -> NDArray[np.bool_]:
    """Return for which samples of gains the gate promotes, if any gain is worth a release."""
    return np.asarray((bound_mean(gains, confidence) > 0) & ~are_too_skewed(gains, confidence))
