"""The model: gradient boosting on numbers and encoded text, with missing values filled in."""

import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder

from churn.features import NUMBERS, TEXTS


def train_model(
    features: pd.DataFrame, target: pd.Series, trees: int, learning_rate: float, depth: int, seed: int
) -> Pipeline:
    """Fit the model. Text that does not occur in the training rows is encoded as zeros."""
    texts = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    numbers = SimpleImputer(strategy="median", add_indicator=True)
    encoder = ColumnTransformer(
        [("texts", texts, list(TEXTS)), ("numbers", numbers, list(NUMBERS))], verbose_feature_names_out=False
    )
    boosting = GradientBoostingClassifier(
        n_estimators=trees, learning_rate=learning_rate, max_depth=depth, random_state=seed
    )
    return make_pipeline(encoder, boosting).fit(features, target.astype(bool))


def list_importances(model: Pipeline) -> pd.Series:
    """Return the importance of each encoded feature; together they are 1."""
    names = model[0].get_feature_names_out()
    return pd.Series(model[-1].feature_importances_, index=list(names), name="importance")
