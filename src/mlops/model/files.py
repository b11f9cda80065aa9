"""The files of a model: a skops file with the estimator, and files that the problem exports for the service."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import skops.io
from skops.io.exceptions import UntrustedTypesFoundException

from mlops.errors import IntegrityError
from mlops.files.atomic import write_atomically
from mlops.model.training_data import TRAINING_DATA
from mlops.problem import Problem

ESTIMATOR = "model.skops"


def save_model(problem: Problem, estimator: Any, folder: Path) -> None:
    """Write a fitted estimator, and the files that its problem exports.

    Parameters
    ----------
    problem : Problem
        The problem; see `Problem.export`.
    estimator : scikit-learn estimator
        The fitted model.
    folder : Path
        The folder to which ``model.skops`` and the exported files are written.
    """
    write_atomically(folder / ESTIMATOR, skops.io.dumps(estimator))
    problem.export(estimator, folder)


def list_served(names: Iterable[str]) -> list[str]:
    """Return those names of model files that a service needs: all except the estimator, unless it is the only one."""
    names = sorted(names)
    exported = [name for name in names if name not in (ESTIMATOR, TRAINING_DATA)]
    return [*(exported or [ESTIMATOR]), *(name for name in names if name == TRAINING_DATA)]


def load_model(folder: Path) -> Any:
    """Load the estimator that `save_model` wrote to a folder, without checking the hash of the file.

    Raises
    ------
    IntegrityError
        If the file contains types that skops does not trust.
    """
    try:
        return skops.io.load(folder / ESTIMATOR)
    except UntrustedTypesFoundException as error:
        raise IntegrityError(f"Could not load {folder / ESTIMATOR}: {error}") from error
