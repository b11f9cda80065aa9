"""The split into training rows and holdout: a hash of each row decides on which side it falls.

So a row stays on its side if the data grows or is reordered, or if its target is corrected.
"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mlops.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from mlops.problem.declared import Problem

CHUNK = 100_000  # rows that are hashed at a time, so that no copy of a large table is in memory
DIGITS = 3  # significant digits of a number that count


def mark_rows(problem: "Problem", rows: pd.DataFrame, share: float, seed: int) -> pd.Series:
    """Mark the rows that are held out from training.

    The id decides, if the problem declares one. Otherwise all features do: numbers rounded to `DIGITS` significant
    digits, so that a row stays on its side if its numbers are written with fewer digits, and all other values as they
    are. A number close to the border between two roundings can still change the side of its row.

    Parameters
    ----------
    problem : Problem
        The problem that declares the columns.
    rows : DataFrame
        Rows with these columns.
    share : float
        The expected share of held-out rows, between 0 and 1.
    seed : int
        The seed of the hash.

    Returns
    -------
    Series of bool
        True for a held-out row; indexed as `rows`.
    """
    parts = [rows.iloc[start : start + CHUNK] for start in range(0, max(len(rows), 1), CHUNK)]
    return pd.concat([_draw_rows(_code_rows(problem, part), share, seed) for part in parts])


def split_rows(problem: "Problem", rows: pd.DataFrame, share: float, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split rows into training and holdout; see `Problem.mark_holdout`.

    Raises
    ------
    UsageError
        If either part has fewer than two rows.
    """
    held_out = problem.mark_holdout(rows, share, seed)
    training, holdout = rows[~held_out], rows[held_out]
    if min(len(training), len(holdout)) < 2:
        raise UsageError(
            f"holdout_share {share:g} of {len(rows)} rows leaves {len(training)} for training and {len(holdout)} for "
            "the holdout, but both need 2 or more. Use more rows, or another share."
        )
    return training, holdout


def restore_rows(problem: "Problem", rows: pd.DataFrame, made: "Mapping[str, object]") -> pd.DataFrame:
    """Return the features of the rows that an older version of this engine trained on, but did not store.

    Older versions assigned a row by a hash of the exact bits of its features, all of which were numbers.

    Parameters
    ----------
    problem : Problem
        The problem that the model was trained for.
    rows : DataFrame
        The data file of the training.
    made : mapping
        The results of the training, with ``holdout_share`` and ``seed``.
    """
    features = rows[list(problem.features)].astype("float64") + 0.0  # so that -0.0 and 0.0 are the same
    return features[~_draw_rows(features, float(str(made["holdout_share"])), int(str(made["seed"])))]


def _code_rows(problem: "Problem", rows: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that decide, coded so that equal codes mean the same side."""
    if problem.id:
        return rows[[problem.id.name]].astype(str)
    kinds = {column.name: column.kind for column in problem.columns}
    coded = {name: _code_column(rows[name], kinds[name]) for name in problem.features}
    return pd.DataFrame(coded, index=rows.index)


def _code_column(values: pd.Series, kind: str) -> "NDArray[np.generic]":
    if kind == "number":
        return _round_values(values.to_numpy(dtype=float, na_value=np.nan))
    return values.astype("object").where(values.notna(), None).astype(str).to_numpy()


def _draw_rows(keys: pd.DataFrame, share: float, seed: int) -> pd.Series:
    hashes = pd.util.hash_pandas_object(keys.assign(seed=float(seed)), index=False)
    return hashes / 2.0**64 < share


def _round_values(values: "NDArray[np.float64]") -> "NDArray[np.int64]":
    """Round to `DIGITS` significant digits, coded as integers: 0.0123 becomes 123 and three digits for the exponent."""
    usable = np.isfinite(values) & (values != 0)
    exponents = np.zeros(len(values))
    np.log10(np.abs(values), out=exponents, where=usable)
    exponents = np.floor(exponents)
    digits = np.rint(np.where(usable, values, 0.0) / 10.0 ** (exponents - DIGITS + 1))
    carried = np.abs(digits) == 10**DIGITS  # 0.9999 rounds up to 1.00
    digits, exponents = np.where(carried, digits / 10, digits), exponents + carried
    return (digits * 1000 + np.sign(digits) * exponents).astype("int64")
