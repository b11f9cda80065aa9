"""The conversion of target values and predictions to the numbers that metrics need."""

from typing import TYPE_CHECKING

import numpy as np

from mlops.errors import ProblemError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from mlops.problem.column import Column


def encode_values(target: "Column", classes: "Sequence[str | bool]", values: "ArrayLike") -> "NDArray[np.generic]":
    """Convert values of the target, or predictions, to the numbers that metrics need.

    The value of a category becomes its index in `classes`. All other values become floats.

    Parameters
    ----------
    target : Column
        The target.
    classes : sequence
        The sorted classes of the target. Empty if the target is a number.
    values : array of shape (n,) or (n, classes)
        Values of the target, or predictions, which are numbers or probabilities.

    Raises
    ------
    ProblemError
        If a value is missing or is not one of the classes, or if a value of a boolean target is a string.
    """
    found = np.asarray(values)
    _require_present(target, found)
    if target.kind == "category" and found.ndim == 1:
        return _place_classes(target, np.asarray(classes, dtype=str), found.astype(str))
    if target.kind != "boolean":
        return found.astype(float)
    if found.dtype.kind not in "bifu":  # numpy would convert every string, even "False", to True
        text = next((value for value in found.ravel() if isinstance(value, str)), None)
        if text is not None:
            raise ProblemError(f"{target} is boolean, but has the string {str(text)!r}. Use True or False.")
        found = found.astype(bool)
    return found.astype(float)


def find_classes(actual: "ArrayLike", predicted: "ArrayLike") -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
    """Return the true and the most probable class of each row, as indices into the sorted classes.

    Parameters
    ----------
    actual, predicted : array
        Encoded values of a target, and predicted probabilities. A probability of 0.5 counts as the positive class.
    """
    found = np.asarray(predicted, dtype=float)
    classes = (found >= 0.5) if found.ndim == 1 else found.argmax(axis=1)
    return np.asarray(actual).astype("int64"), classes.astype("int64")


def _require_present(target: "Column", values: "NDArray[np.generic]") -> None:
    """Raise an error if a value is missing, because numpy would convert it to a boolean or a string."""
    import pandas as pd

    gaps = np.atleast_1d(pd.isna(values))
    if gaps.any():
        raise ProblemError(
            f"{target} has no true value or no prediction in row {np.argwhere(gaps)[0][0] + 1}, counted from 1. "
            "Drop the rows without a true value. If the prediction is missing, correct the model."
        )


def _place_classes(target: "Column", classes: "NDArray[np.str_]", values: "NDArray[np.str_]") -> "NDArray[np.int64]":
    unknown = values[~np.isin(values, classes)]
    if unknown.size:
        known = ", ".join(map(str, classes))
        raise ProblemError(f"{target} has the value {str(unknown[0])!r}. Its declared classes are: {known}.")
    return np.searchsorted(classes, values)
