"""The model: ridge regression of disease progression on ten measurements."""

import json
from collections.abc import Sequence

import pandas as pd
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline, make_pipeline


def train_model(features: pd.DataFrame, target: pd.Series, alpha: float) -> Pipeline:
    """Fit the model.

    Parameters
    ----------
    features : DataFrame of shape (n, 10)
        The measurements, which are already scaled.
    target : Series of length n
        Disease progression.
    alpha : float
        Ridge penalty, 0 or more; 0 is ordinary least squares.

    Returns
    -------
    Pipeline
        A pipeline that ends with the step ``ridge``.
    """
    return make_pipeline(Ridge(alpha=alpha)).fit(features, target)


def list_weights(model: Pipeline, names: Sequence[str]) -> pd.Series:
    """Return the weight of each feature."""
    return pd.Series(model.named_steps["ridge"].coef_, index=list(names), name="weight")


def export_numbers(model: Pipeline, names: Sequence[str]) -> str:
    """Return the model as JSON for `diabetes.score`, which does not import scikit-learn."""
    ridge = model.named_steps["ridge"]
    numbers = {
        "columns": list(names),
        "coefficients": [float(value) for value in ridge.coef_],
        "intercept": float(ridge.intercept_),
    }
    return json.dumps(numbers, indent=1) + "\n"
