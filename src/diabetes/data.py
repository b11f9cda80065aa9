"""The data: 442 patients with ten baseline measurements each, and their disease progression one year later.

Source: Efron, Hastie, Johnstone and Tibshirani (2004), "Least Angle Regression", as shipped with scikit-learn, where
every feature is centred and scaled to a sum of squares of 1.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.datasets import load_diabetes

FEATURES = ("AGE", "SEX", "BMI", "BP", "S1", "S2", "S3", "S4", "S5", "S6")
TARGET = "Y"
COLUMNS = (*FEATURES, TARGET)
UNIT = "points of disease progression"  # the unit of the target
CHUNK = 100_000  # rows to round at a time, so that no rounded copy of a large table is in memory
DIGITS = 3  # significant digits that decide whether a row is held out

# The two rows that the reference implementation's smoke test sends.
EXAMPLE_ROWS = [[float(value) for value in range(1, 11)], [float(value) for value in range(10, 0, -1)]]


def load_sample() -> pd.DataFrame:
    """Return scikit-learn's diabetes data with this project's column names.

    Returns
    -------
    DataFrame of shape (442, 11)
        The scaled features, without unit, and the target, a measure of disease progression from 25 to 346.
    """
    frame = load_diabetes(as_frame=True).frame
    return frame.set_axis(list(COLUMNS), axis="columns").astype("float64")


def split_rows(rows: pd.DataFrame, share: float, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split rows into training and holdout rows, as `mark_holdout` marks them.

    Raises
    ------
    ValueError
        If either part has fewer than two rows.
    """
    held_out = mark_holdout(rows, share, seed)
    training, holdout = rows[~held_out], rows[held_out]
    if min(len(training), len(holdout)) < 2:
        raise ValueError(
            f"holdout_share {share:g} of {len(rows)} rows leaves {len(training)} for training and {len(holdout)} for "
            "the holdout, but both need 2 or more. Use more rows, or another share."
        )
    return training, holdout


def mark_holdout(rows: pd.DataFrame, share: float, seed: int) -> pd.Series:
    """Mark the rows that are held out from training.

    A hash of a row's features, rounded to `DIGITS` significant digits, decides whether the row is held out. So the
    decision stays the same if the data grows or is reordered, if the target is corrected, or if the numbers are written
    with fewer digits. It can still change if a value is close to a rounding boundary. `mlops.data.identity` finds such
    rows.

    Parameters
    ----------
    rows : DataFrame
        Rows with all `FEATURES`.
    share : float
        The expected share of held-out rows, between 0 and 1.
    seed : int
        The seed of the hash. Another seed selects another holdout.

    Returns
    -------
    Series of bool
        True for a held-out row. The index is the index of `rows`.
    """
    marks = [_mark_rows(rows.iloc[start : start + CHUNK], share, seed) for start in range(0, len(rows), CHUNK)]
    return pd.concat(marks) if marks else _mark_rows(rows, share, seed)


def _mark_rows(rows: pd.DataFrame, share: float, seed: int) -> pd.Series:
    rounded = pd.DataFrame({name: _round_values(rows[name].to_numpy(dtype=float)) for name in FEATURES})
    return _draw_rows(rounded.set_axis(rows.index), share, seed)


def restore_training_rows(rows: pd.DataFrame, made: Mapping[str, object]) -> pd.DataFrame:
    """Return the features of the training rows of an older version of this project, which did not store these rows.

    In older versions, a hash of the exact bits of a row's features decided whether the row was held out.

    Parameters
    ----------
    rows : DataFrame
        The data file of the training.
    made : mapping
        The results of the training, with ``holdout_share`` and ``seed``.
    """
    features = rows[list(FEATURES)].astype("float64") + 0.0  # so that -0.0 and 0.0 are the same
    return features[~_draw_rows(features, float(str(made["holdout_share"])), int(str(made["seed"])))]


def _draw_rows(keys: pd.DataFrame, share: float, seed: int) -> pd.Series:
    hashes = pd.util.hash_pandas_object(keys.assign(seed=float(seed)), index=False)
    return hashes / 2.0**64 < share


def _round_values(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Round to `DIGITS` significant digits, encoded as integers: 0.0123 = 1.23e-2 becomes 123 * 1000 - 2."""
    usable = np.isfinite(values) & (values != 0)
    exponents = np.zeros(len(values))
    np.log10(np.abs(values), out=exponents, where=usable)
    exponents = np.floor(exponents)
    digits = np.rint(np.where(usable, values, 0.0) / 10.0 ** (exponents - DIGITS + 1))
    carried = np.abs(digits) == 10**DIGITS  # 0.9999 rounds up to 1.00
    digits, exponents = np.where(carried, digits / 10, digits), exponents + carried
    return (digits * 1000 + np.sign(digits) * exponents).astype("int64")
