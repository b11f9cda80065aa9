"""The model: logistic regression on the principal components of standardized measurements."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler


def train_model(features: pd.DataFrame, target: pd.Series, inverse_penalty: float, components: int) -> Pipeline:
    """Fit the model. The result does not depend on the number of threads, because the full decomposition is used."""
    regression = LogisticRegression(C=inverse_penalty, max_iter=1000)
    model = make_pipeline(StandardScaler(), PCA(components, svd_solver="full"), regression)
    return model.fit(features, target.astype(bool))


def list_weights(model: Pipeline) -> pd.Series:
    """Return the weight of each standardized measurement."""
    return pd.Series(_find_weights(model), index=list(model.feature_names_in_), name="weight")


def _find_weights(model: Pipeline) -> NDArray[np.float64]:
    return model.named_steps["logisticregression"].coef_[0] @ model.named_steps["pca"].components_
