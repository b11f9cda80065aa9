"""Predictions and cross-validation of a problem's models."""

import warnings
from typing import TYPE_CHECKING

import numpy as np

from mlops.errors import ProblemError

if TYPE_CHECKING:
    from typing import Any

    import pandas as pd
    from numpy.typing import NDArray

    from mlops.problem.declared import Problem

FOLDS = 5


def predict_rows(problem: "Problem", model: "Any", rows: "pd.DataFrame") -> "NDArray[np.generic]":
    """Return the predictions of a model for `rows`, which can be empty.

    Raises
    ------
    ProblemError
        If `Problem.predict` does not return an array of the right shape, or if the array has a number that is not
        finite. The array must have one number per row or, if the target is a category, one probability per row and
        class, with the classes in sorted order.
    """
    shape = (len(rows), len(problem.classes)) if problem.target.kind == "category" else (len(rows),)
    if rows.empty:  # scikit-learn refuses an empty table
        return np.empty(shape)
    with warnings.catch_warnings():
        # scikit-learn warns if the model was fitted on arrays, as older versions of `mlops` did.
        warnings.filterwarnings("ignore", "X has feature names, but", UserWarning)
        predicted = np.asarray(problem.predict(model, rows))
    if predicted.shape != shape:
        found = f"predict returned an array of shape {predicted.shape}"
        raise ProblemError(f"{problem}: {found}. The shape must be {shape}.")
    if predicted.dtype.kind == "f" and not np.isfinite(predicted).all():
        place = int(np.argmax(~np.isfinite(predicted).reshape(len(predicted), -1).all(axis=1)))
        raise ProblemError(f"{problem}: predict returned {predicted[place]} for row {place}. Return finite numbers.")
    return predicted


def cross_validate(problem: "Problem", rows: "pd.DataFrame", **hyperparameters: object) -> float:
    """Return the cross-validated mean of the metric on which promotions are decided.

    Parameters
    ----------
    problem : Problem
        The problem, which declares the metric and the training.
    rows : DataFrame
        Training rows.
    **hyperparameters
        The hyperparameters of `Problem.train`.

    Returns
    -------
    float
        The mean of the metric over the folds for which it is defined.

    Raises
    ------
    ProblemError
        If the metric is undefined for every fold.
    """
    # The folds are random, because a file may be sorted.
    found = []
    for training, fold in _split_folds(problem, rows):
        model = problem.train(rows.iloc[training], **hyperparameters)
        part = rows.iloc[fold]
        pair = problem.encode(part[problem.target.name]), problem.encode(predict_rows(problem, model, part))
        found.append(problem.decisive.measure(*pair))
    defined = [value for value in found if value is not None]
    if not defined:
        raise ProblemError(
            f"{problem}: the metric {problem.decisive.name} is undefined for every fold of the {len(rows):,} rows. Use "
            "more rows, or another metric."
        )
    return float(np.mean(defined))


def _split_folds(problem: "Problem", rows: "pd.DataFrame") -> "list[tuple[NDArray[np.int64], NDArray[np.int64]]]":
    from sklearn.model_selection import KFold, StratifiedKFold

    target = rows[problem.target.name]
    if not problem.classes:
        return list(KFold(min(FOLDS, len(rows)), shuffle=True, random_state=0).split(rows))
    folds = max(2, min(FOLDS, int(target.value_counts().min())))
    return list(StratifiedKFold(folds, shuffle=True, random_state=0).split(rows, target))
