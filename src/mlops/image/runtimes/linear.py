"""The conversion of linear models to plain numbers; see `mlops.serving.runtimes.linear`."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mlops.image.runtimes.tables import Unsupported
from mlops.serving.runtimes.linear import INTERCEPT, WEIGHTS

Link = Literal["identity", "exponential", "logistic", "softmax"]
EXPONENTIAL = ("PoissonRegressor", "GammaRegressor")


def convert_linear(estimator: Any) -> tuple[Link, dict[str, NDArray[np.float64]]]:
    """Return the link of a linear model, and its weights and intercept by their names.

    Raises
    ------
    Unsupported
        If the estimator is not a linear model.
    """
    link = _find_link(estimator)
    if link is None:
        raise Unsupported(f"{type(estimator).__name__} is neither a linear model nor an ensemble of trees")
    weights, intercept = (np.asarray(values, dtype=np.float64) for values in (estimator.coef_, estimator.intercept_))
    return link, {WEIGHTS: weights, INTERCEPT: intercept}


def _find_link(estimator: Any) -> Link | None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.linear_model._base import LinearModel

    if isinstance(estimator, LogisticRegression):
        return "logistic" if len(estimator.classes_) == 2 else "softmax"
    if type(estimator).__name__ in EXPONENTIAL:
        return "exponential"
    is_linear = isinstance(estimator, LinearModel) and hasattr(estimator, "coef_")
    return "identity" if is_linear and hasattr(estimator, "predict") else None
