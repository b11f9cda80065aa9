"""The diabetes data of scikit-learn. Every feature is centred and scaled, so that its squares sum to 1.

Source: Efron, Hastie, Johnstone and Tibshirani (2004), "Least Angle Regression".
"""

from collections.abc import Sequence

import pandas as pd
from sklearn.datasets import load_diabetes


def load_sample(names: Sequence[str]) -> pd.DataFrame:
    """Return the diabetes data.

    Parameters
    ----------
    names : sequence of str, length 11
        The names of the ten features and of the target.

    Returns
    -------
    DataFrame of shape (442, 11)
        The features, which are scaled and have no unit, and the target: disease progression, from 25 to 346.
    """
    frame = load_diabetes(as_frame=True).frame
    return frame.set_axis(list(names), axis="columns").astype("float64")
