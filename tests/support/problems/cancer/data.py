"""The breast cancer data of scikit-learn.

Source: Wolberg, Mangasarian, Street and Street (1993), "Breast Cancer Wisconsin (Diagnostic)".
"""

import pandas as pd
from sklearn.datasets import load_breast_cancer


def load_sample(target: str) -> pd.DataFrame:
    """Return the measurements of 569 tumours, and whether they are malignant in the column `target`."""
    loaded = load_breast_cancer(as_frame=True)
    return loaded.data.astype("float64").assign(**{target: loaded.target == 0})
