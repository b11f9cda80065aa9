"""The data: 442 patients, ten baseline measurements each, and the disease progression one year later.

Source: Efron, Hastie, Johnstone and Tibshirani (2004), "Least Angle Regression", as shipped with scikit-learn, where
every feature is centred and scaled to a sum of squares of 1.
"""

import pandas as pd
from sklearn.datasets import load_diabetes

FEATURES = ("AGE", "SEX", "BMI", "BP", "S1", "S2", "S3", "S4", "S5", "S6")
TARGET = "Y"
COLUMNS = (*FEATURES, TARGET)

# The two rows that the reference implementation's smoke test sends.
EXAMPLE_ROWS = [[float(value) for value in range(1, 11)], [float(value) for value in range(10, 0, -1)]]


def load_sample() -> pd.DataFrame:
    """Return scikit-learn's diabetes data under this project's column names.

    Returns
    -------
    DataFrame of shape (442, 11)
        The features, scaled, without unit; the target is a quantitative measure of disease progression, 25 to 346.
    """
    frame = load_diabetes(as_frame=True).frame
    return frame.set_axis(list(COLUMNS), axis="columns").astype("float64")


def split_rows(rows: pd.DataFrame, share: float, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split rows into those that are trained on and those that are held out; see `mark_holdout`.

    Raises
    ------
    ValueError
        If either part has fewer than two rows.
    """
    held_out = mark_holdout(rows, share, seed)
    training, holdout = rows[~held_out], rows[held_out]
    if min(len(training), len(holdout)) < 2:
        raise ValueError(
            f"holdout_share {share:g} of {len(rows)} rows leaves {len(training)} for training and {len(holdout)} held "
            "out; both need 2 or more: use more rows, or another share"
        )
    return training, holdout


def mark_holdout(rows: pd.DataFrame, share: float, seed: int) -> pd.Series:
    """Say which rows are kept away from training.

    A row is assigned by a hash of its features, so that it stays where it is as the data grows, is reordered, or has
    its target corrected, and a champion is never judged on a row that it has seen.

    Parameters
    ----------
    rows : DataFrame
        Rows with all `FEATURES`.
    share : float
        Expected share of rows that are held out, between 0 and 1.
    seed : int
        Another seed draws another holdout.

    Returns
    -------
    Series of bool
        True for a held-out row; indexed as `rows`.
    """
    features = rows[list(FEATURES)].astype("float64") + 0.0  # makes -0.0 the same row as 0.0
    hashes = pd.util.hash_pandas_object(features.assign(seed=float(seed)), index=False)
    return hashes / 2.0**64 < share
