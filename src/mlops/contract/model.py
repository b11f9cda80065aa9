"""The check that a model can be saved and loaded again."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from mlops.errors import ProblemError
from mlops.model.estimator import load_estimator
from mlops.model.files import ESTIMATOR, save_model
from mlops.problem import Problem


def reload_model(problem: Problem, model: Any, rows: pd.DataFrame) -> Any:
    """Save a model as `02_train` does, load it again as `03_evaluate` does, and return it.

    Parameters
    ----------
    problem : Problem
        The problem.
    model : scikit-learn estimator
        The fitted model.
    rows : DataFrame
        Held-out rows.

    Raises
    ------
    ProblemError
        If the model cannot be saved and loaded again, or if `Problem.export` writes different files when it is
        called again.
    """
    with TemporaryDirectory() as first, TemporaryDirectory() as second:
        save_model(problem, model, Path(first), rows)
        problem.export(model, Path(second))
        for path in Path(second).iterdir():
            saved = Path(first, path.name)
            if not saved.is_file() or saved.read_bytes() != path.read_bytes():
                raise ProblemError(
                    f"{problem}: export writes a different {path.name} when it is called again. Do not write times or "
                    "random values."
                )
        return load_estimator(problem, Path(first, ESTIMATOR))
