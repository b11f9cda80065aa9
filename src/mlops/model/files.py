"""The files of a model: an MLflow model with the estimator, and files that the problem exports for the service."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops.errors import ProblemError
from mlops.files.atomic import write_atomically
from mlops.model.estimator import dump_estimator
from mlops.model.mlflow_model import TYPED_ROWS, WRITTEN, describe_model
from mlops.model.training_data import TRAINING_DATA
from mlops.problem import Problem
from mlops.serving.runtimes.record import ARRAYS, RECORD

if TYPE_CHECKING:
    import pandas as pd

ESTIMATOR = "model.skops"
RESERVED = frozenset({ESTIMATOR, TRAINING_DATA, RECORD, ARRAYS, *WRITTEN})  # files that no problem exports


def save_model(problem: Problem, estimator: Any, folder: Path, rows: "pd.DataFrame") -> None:
    """Save a fitted estimator as an MLflow model, together with the files that its problem exports.

    Parameters
    ----------
    problem : Problem
        The problem; see `Problem.prepare` and `Problem.export`.
    estimator : scikit-learn estimator
        The fitted model.
    folder : Path
        The folder for the files. It must be empty or not exist yet.
    rows : DataFrame
        Rows with all features. The first two become the example of the MLflow model.

    Raises
    ------
    ProblemError
        If `export` writes a folder, if it writes a file with a name that the engine uses, if the estimator cannot be
        loaded again, or if MLflow cannot predict with it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    problem.export(estimator, folder)
    for path in folder.iterdir():
        if path.name in RESERVED:
            raise ProblemError(
                f"{problem}: `export` wrote {path.name}, but the engine writes a file with this name. Use another name."
            )
        if not path.is_file():
            raise ProblemError(f"{problem}: `export` wrote the folder {path.name!r}. Write only files.")
    write_atomically(folder / ESTIMATOR, dump_estimator(problem, estimator))
    describe_model(folder, ESTIMATOR, problem, estimator, problem.prepare(rows.head(TYPED_ROWS)))


def list_served(names: Iterable[str]) -> list[str]:
    """Return the names of the model files that a service needs."""
    names = sorted(names)
    exported = [name for name in names if name not in RESERVED]
    return [*(exported or [ESTIMATOR]), *(name for name in names if name == TRAINING_DATA)]
