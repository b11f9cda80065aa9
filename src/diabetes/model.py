"""The model: ridge regression of disease progression on ten measurements."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline

from diabetes.data import FEATURES, TARGET


def train_model(rows: pd.DataFrame, alpha: float) -> Pipeline:
    """Fit the model.

    Parameters
    ----------
    rows : DataFrame
        Training rows with `FEATURES` and `TARGET`. The features are already scaled, so the pipeline does not scale.
    alpha : float
        Ridge penalty, 0 or more; 0 is ordinary least squares.

    Returns
    -------
    Pipeline
        A pipeline that ends with the step ``ridge``. Add your own steps before it.
    """
    return _make_model(alpha).fit(*_split_columns(rows))


def cross_validate(rows: pd.DataFrame, alpha: float, folds: int = 5) -> float:
    """Return the cross-validated mean squared error within the training rows.

    A model fitted on the other folds predicts each fold, so that a parameter can be chosen without the holdout. The
    folds are the same for every `alpha`. They are random, because a file may be sorted.

    Parameters
    ----------
    rows : DataFrame
        Training rows, as for `train_model`.
    alpha : float
        Ridge penalty, 0 or more.
    folds : int
        The number of folds. If there are fewer rows than folds, every row is a fold.

    Returns
    -------
    float
        The mean squared error over the folds, in squared units of the target. Lower is better.
    """
    split = KFold(min(folds, len(rows)), shuffle=True, random_state=0)
    losses = cross_val_score(_make_model(alpha), *_split_columns(rows), scoring="neg_mean_squared_error", cv=split)
    return float(-losses.mean())


def predict(model: Pipeline, rows: pd.DataFrame) -> pd.Series:
    """Return the predicted disease progression of `rows`, with the same index. `rows` can be empty."""
    if rows.empty:  # scikit-learn refuses an empty table
        return pd.Series(index=rows.index, dtype="float64", name="predicted")
    return pd.Series(model.predict(rows[list(FEATURES)].to_numpy()), index=rows.index, name="predicted")


def export_numbers(model: Pipeline) -> dict[str, Any]:
    """Return the model as plain numbers for `diabetes.score`, which does not import scikit-learn."""
    ridge = model.named_steps["ridge"]
    return {
        "columns": list(FEATURES),
        "coefficients": [float(value) for value in ridge.coef_],
        "intercept": float(ridge.intercept_),
    }


def _make_model(alpha: float) -> Pipeline:
    return make_pipeline(Ridge(alpha=alpha))


def _split_columns(rows: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return rows[list(FEATURES)].to_numpy(), rows[TARGET].to_numpy()
