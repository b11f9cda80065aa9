"""The model: ridge regression of disease progression on ten measurements."""

from typing import Any

import pandas as pd
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline, make_pipeline

from diabetes.data import FEATURES, TARGET


def train_model(rows: pd.DataFrame, alpha: float) -> Pipeline:
    """Fit the model.

    Parameters
    ----------
    rows : DataFrame
        Training rows with `FEATURES` (already scaled, so the pipeline scales nothing) and `TARGET`.
    alpha : float
        Ridge penalty, 0 or more; 0 is ordinary least squares.

    Returns
    -------
    Pipeline
        Ends in the step ``ridge``; steps of your own go before it.
    """
    features, target = rows[list(FEATURES)].to_numpy(), rows[TARGET].to_numpy()
    return make_pipeline(Ridge(alpha=alpha)).fit(features, target)


def predict(model: Pipeline, rows: pd.DataFrame) -> pd.Series:
    """Return the predicted disease progression of `rows`, indexed as they are."""
    return pd.Series(model.predict(rows[list(FEATURES)].to_numpy()), index=rows.index, name="predicted")


def export_numbers(model: Pipeline) -> dict[str, Any]:
    """Return the model as the plain numbers that `diabetes.score` needs, which knows no scikit-learn."""
    ridge = model.named_steps["ridge"]
    return {
        "columns": list(FEATURES),
        "coefficients": [float(value) for value in ridge.coef_],
        "intercept": float(ridge.intercept_),
    }
