"""The check that a runtime of the service predicts the same as a model."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from mlops.errors import ProblemError
from mlops.image.entry import imports_runtime
from mlops.image.runtimes.candidates import Original
from mlops.image.runtimes.choice import choose_candidate, try_runtimes
from mlops.model.estimator import dump_estimator
from mlops.model.files import ESTIMATOR
from mlops.problem import Problem
from mlops.problem.image_files import SCORING_SCRIPT


def check_runtimes(problem: Problem, model: Any, rows: pd.DataFrame) -> None:
    """Check that a runtime can serve a model, unless the scoring script of the problem loads the model itself.

    Parameters
    ----------
    problem : Problem
        The problem.
    model : scikit-learn estimator
        The fitted model.
    rows : DataFrame
        Rows on which the runtimes are judged, as in 05_create_image.

    Raises
    ------
    ProblemError
        If no runtime that is installed predicts the same as the model.
    """
    script = problem.folder / SCORING_SCRIPT
    if script.is_file() and not imports_runtime(script):
        return
    with TemporaryDirectory() as folder:
        file = Path(folder, ESTIMATOR)
        file.write_bytes(dump_estimator(problem, model))
        original = Original(problem, model, file, rows[list(problem.features)], prepares=script.is_file())
        try:
            choose_candidate(try_runtimes(original, Path(folder, "runtimes")))
        except ProblemError as error:
            raise ProblemError(f"{problem}: {error}") from error
