"""The function `check`, which checks that a problem meets the contract. The tests of a problem call it."""

import inspect
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops.contract.data import read_rows
from mlops.contract.imports import check_imports
from mlops.contract.model import reload_model
from mlops.contract.requests import open_request_reader, send_row
from mlops.contract.runtimes import check_runtimes
from mlops.errors import ProblemError
from mlops.image.check import check_sources, require_functions
from mlops.image.schema import check_examples
from mlops.image.sources import find_sources
from mlops.parameters.hyperparameters import require_fitting_folder
from mlops.problem import Problem
from mlops.problem.image_files import SCORING_LOCK, SCORING_SCRIPT, find_image_files
from mlops.problem.scoring import predict_rows
from mlops.problem.values import make_table

SHARE, SEED = 0.2, 0  # the arguments of `mark_holdout`
ROWS = 20  # rows that are predicted one by one
TOLERANCE = 1e-6  # predictions count as equal if they differ by at most this share of their mean magnitude


def check(problem: Problem, rows: pd.DataFrame | None = None, /, **hyperparameters: object) -> None:
    """Check that a problem keeps the promises on which the notebooks and the service rely.

    Parameters
    ----------
    problem : Problem
        The problem.
    rows : DataFrame, optional
        The rows of a data file. By default, the sample data of the problem.
    **hyperparameters
        Values of the hyperparameters of `Problem.train`.

    Raises
    ------
    ProblemError
        If the problem breaks a promise. The message says which one, and how to keep it.
    """
    check_imports(problem)
    require_fitting_folder(problem, problem.folder.parents[1] / "notebooks")
    find_image_files(problem)
    _check_script(problem)
    table = read_rows(problem, problem.load_sample if rows is None else lambda: rows)
    training, holdout = _split(problem, table)
    model = _train(problem, training, hyperparameters)
    predicted = predict_rows(problem, model, holdout)
    again = predict_rows(problem, _train(problem, training, hyperparameters), holdout)
    if _find_difference(predicted, again) is not None:
        raise ProblemError(
            f"{problem}: train returns different models for the same rows. Give each random step a fixed random_state."
        )
    _check_predictions(problem, model, holdout, predicted)
    _check_scores(problem, holdout, predicted)
    _check_explanation(problem, model)
    _check_files(problem, model, holdout, predicted)
    check_examples(problem)
    predict_rows(problem, model, make_table(problem.feature_columns, problem.examples))
    check_runtimes(problem, model, table)


def _check_script(problem: Problem) -> None:
    """Check the scoring script and its lock file, if the package of the problem has them."""
    script, lock = problem.folder / SCORING_SCRIPT, problem.folder / SCORING_LOCK
    if script.is_file() and lock.is_file():
        check_sources(find_sources(problem, problem.folder.parents[1]))
    elif script.is_file():
        require_functions(script, str(script))


def _split(problem: Problem, rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    held_out = problem.mark_holdout(rows, SHARE, SEED)
    again = problem.mark_holdout(rows.sample(frac=1, random_state=SEED), SHARE, SEED)
    if not again.sort_index().equals(held_out.sort_index()):
        raise ProblemError(
            f"{problem}: mark_holdout marks different rows if the order of the rows changes. Decide only by the "
            "values of a row, so that a training row stays a training row when the data grows."
        )
    return problem.split_rows(rows, SHARE, SEED)


def _train(problem: Problem, training: pd.DataFrame, hyperparameters: dict[str, Any]) -> Any:
    try:
        inspect.signature(problem.train).bind(training, **hyperparameters)
    except TypeError as error:
        raise ProblemError(
            f"{problem}: Could not call train ({error}). Call check(problem, name=value) with the hyperparameters of "
            f"train: {', '.join(problem.hyperparameters) or 'none'}."
        ) from error
    before = training.copy()
    model = problem.train(training, **hyperparameters)
    if not training.equals(before):
        raise ProblemError(f"{problem}: train changes the given rows, but they are used again. Change a copy instead.")
    return model


def _check_predictions(problem: Problem, model: Any, holdout: pd.DataFrame, predicted: NDArray[np.generic]) -> None:
    encoded = np.asarray(problem.encode(predicted), dtype=float)
    if problem.classes and not ((encoded >= 0) & (encoded <= 1)).all():
        raise ProblemError(f"{problem}: predict returns {encoded.max():g}. Return probabilities, from 0 to 1.")
    places = range(min(ROWS, len(holdout)))
    alone = [predict_rows(problem, model, holdout.iloc[[place]])[0] for place in places]
    place = _find_difference(predicted[: len(places)], np.array(alone))
    if place is not None:
        raise ProblemError(
            f"{problem}: predict returns {alone[place]} for row {place} alone, but {predicted[place]} among other "
            "rows. Do not let rows depend on each other, because the service predicts single rows."
        )
    reader = open_request_reader(problem)
    served = [predict_rows(problem, model, send_row(problem, reader, holdout.iloc[place]))[0] for place in places]
    place = _find_difference(predicted[: len(places)], np.array(served))
    if place is not None:
        raise ProblemError(
            f"{problem}: predict returns {predicted[place]} for row {place} of the training data, but {served[place]} "
            "for the same row in a request, whose columns have the types in docs/service.md. Let `prepare` return the "
            "same inputs for both."
        )


def _check_scores(problem: Problem, holdout: pd.DataFrame, predicted: NDArray[np.generic]) -> None:
    scores = problem.score(holdout[problem.target.name], predicted)
    for name, value in scores.items():
        if value is None or not np.isfinite(value):
            raise ProblemError(
                f"{problem}: the metric {name} is {'undefined' if value is None else value} for {len(holdout)} "
                "held-out rows. Use more rows, or another metric."
            )


def _check_explanation(problem: Problem, model: Any) -> None:
    explained = problem.explain(model)
    if explained is None:
        return
    unnamed = [name for name in explained.index if not isinstance(name, str)]
    if unnamed or not explained.index.is_unique:
        raise ProblemError(f"{problem}: explain must return a Series with the name of each feature once in its index.")
    if explained.isna().any():
        unknown = explained.index[explained.isna()][0]
        raise ProblemError(f"{problem}: explain returns no number for {unknown!r}. Return a number for each feature.")


def _check_files(problem: Problem, model: Any, holdout: pd.DataFrame, predicted: NDArray[np.generic]) -> None:
    found = predict_rows(problem, reload_model(problem, model, holdout), holdout)
    place = _find_difference(predicted, found)
    if place is not None:
        raise ProblemError(
            f"{problem}: predict returns {predicted[place]} for row {place}, but {found[place]} after the model was "
            "saved and loaded. Keep all that the model needs in its scikit-learn parameters and attributes."
        )


def _find_difference(expected: NDArray[np.generic], found: NDArray[np.generic]) -> int | None:
    """Return the position of the first row whose two predictions differ by more than rounding; None if no row does."""
    one, other = (np.asarray(values, dtype=float).reshape(len(expected), -1) for values in (expected, found))
    apart = np.abs(one - other).max(axis=1) > TOLERANCE * np.abs(one).mean()
    return int(apart.argmax()) if apart.any() else None
