"""The split into training rows and holdout rows."""

# A hash of each row decides whether the row is held out. So the decision stays the same if rows are added or reordered,
# or if the target of the row is corrected.

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mlops.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mlops.problem.column import Column

CHUNK = 100_000  # rows that are hashed at a time, so that a large table is never copied as a whole
DIGITS = 3  # the significant digits of a number that are hashed


def mark_rows(columns: "Sequence[Column]", rows: pd.DataFrame, share: float, seed: int) -> pd.Series:
    """Mark the rows that are held out from training.

    A hash of a row's values in `columns` decides whether the row is marked, so the mark stays the same if rows are
    added or reordered.

    Parameters
    ----------
    columns : sequence of Column
        The columns whose values are hashed.
    rows : DataFrame
        Rows that have these columns.
    share : float
        The expected share of held-out rows, between 0 and 1.
    seed : int
        The seed of the hash.

    Returns
    -------
    Series of bool
        True for a held-out row. The index is that of `rows`.
    """
    # Numbers are rounded to `DIGITS` significant digits first, so the decision stays the same if they are written with
    # fewer digits, unless a number is close to a rounding boundary. The values of an id are not rounded.
    parts = [rows.iloc[start : start + CHUNK] for start in range(0, max(len(rows), 1), CHUNK)]
    return pd.concat([_draw_rows(_encode_rows(columns, part), share, seed) for part in parts])


def check_split(
    training: pd.DataFrame, holdout: pd.DataFrame, share: float, target: "Column", classes: "Sequence[str | bool]"
) -> None:
    """Check that a model can be trained on the training rows and measured on the holdout rows.

    Raises
    ------
    UsageError
        If either part has fewer than two rows, or if a class has fewer than two training rows.
    """
    if min(len(training), len(holdout)) < 2:
        raise UsageError(
            f"holdout_share {share:g} of {len(training) + len(holdout):,} rows leaves {len(training):,} for training "
            f"and {len(holdout):,} for the holdout, but both need 2 or more. Use more rows, or another share."
        )
    found = dict(training[target.name].value_counts().items())
    rare = [name for name in classes if found.get(name, 0) < 2]
    if rare:  # cross-validation trains on one part and tests on another
        raise UsageError(
            f"The class {json.dumps(rare[0])} of {target.name} has {found.get(rare[0], 0)} of the "
            f"{len(training)} training rows, but each class needs 2 or more. Add rows of this class"
            + (", or remove it from `allowed`." if target.kind == "category" else ".")
        )


def restore_rows(features: "Sequence[str]", rows: pd.DataFrame, made: "Mapping[str, object]") -> pd.DataFrame:
    """Return the features of the rows on which an older version of `mlops` trained a model.

    Parameters
    ----------
    features : sequence of str
        The features of the problem.
    rows : DataFrame
        All rows of the data file, both training and holdout rows.
    made : mapping
        The results of the training step, which include ``holdout_share`` and ``seed``.
    """
    # Older versions did not store these rows. All features were numbers, and a hash of their exact bits decided whether
    # a row was held out.
    values = rows[list(features)].astype("float64") + 0.0  # turns -0.0 into 0.0
    return values[~_draw_rows(values, float(str(made["holdout_share"])), int(str(made["seed"])))]


def write_texts(values: pd.Series) -> "NDArray[np.generic]":
    """Return values as text. All missing values get the same text."""
    texts = values.astype("object").where(values.notna(), None).astype(str).to_numpy(copy=True)
    if pd.api.types.is_float_dtype(values):
        numbers = values.to_numpy(dtype=float, na_value=np.nan)
        whole = np.isfinite(numbers) & (numbers == np.floor(numbers))
        texts[whole] = [f"{number:.0f}" for number in numbers[whole] + 0.0]  # turns -0.0 into 0.0
    return texts


def _encode_rows(columns: "Sequence[Column]", rows: pd.DataFrame) -> pd.DataFrame:
    numbers = [column.name for column in columns if column.read_as == "number"]
    coded = pd.DataFrame(_round_and_encode(rows[numbers].to_numpy(dtype=float, na_value=np.nan)), rows.index, numbers)
    for column in (column for column in columns if column.name not in numbers):
        coded[column.name] = write_texts(rows[column.name])  # `assign` refuses a column with the name "self"
    return coded[[column.name for column in columns]]


def _draw_rows(keys: pd.DataFrame, share: float, seed: int) -> pd.Series:
    values = keys.set_axis(range(keys.shape[1]), axis=1)  # a column can have the name "seed"
    hashes = pd.util.hash_pandas_object(values.assign(seed=float(seed)), index=False)
    return hashes / 2.0**64 < share


def _round_and_encode(values: "NDArray[np.float64]") -> "NDArray[np.int64]":
    # The code of a number combines its digits and its exponent: 0.0123, which is 1.23e-2, becomes 123 * 1000 - 2.
    usable = np.isfinite(values) & (values != 0)
    exponents = np.zeros(values.shape)
    np.log10(np.abs(values), out=exponents, where=usable)
    exponents = np.floor(exponents)
    digits = np.rint(np.where(usable, values, 0.0) / 10.0 ** (exponents - DIGITS + 1))
    carried = np.abs(digits) == 10**DIGITS  # 0.9999 rounds up to 1.00
    digits, exponents = np.where(carried, digits / 10, digits), exponents + carried
    return (digits * 1000 + np.sign(digits) * exponents).astype("int64")
