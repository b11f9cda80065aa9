"""The data test of a problem's rows, and the reading of these rows as in the notebooks."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from mlops.data.profile import Profile, describe_reference, read_profile
from mlops.data.scan import scan_file
from mlops.data.tables import read_table, write_sample
from mlops.data.validation import find_violations, list_violations
from mlops.errors import ProblemError, UsageError
from mlops.problem import Problem

REFERENCE = "reference_profile.json"  # in the folder of the problem's package


def read_rows(problem: Problem, make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    """Write rows to a file, check the file as `01_test_data` does, and return the rows that `02_train` would read.

    Parameters
    ----------
    problem : Problem
        The problem.
    make : callable
        A function that returns the rows, such as `Problem.load_sample`.

    Raises
    ------
    ProblemError
        If the rows break a rule of the data test, or if the package has no reference profile of its columns.
    """
    with TemporaryDirectory() as folder:
        url = write_sample(Path(folder), f"{problem.name}.csv", make)
        reference = _read_reference(problem)
        found = find_violations(scan_file(url, problem.columns, reference), problem.columns, reference)
        if found:
            lines = [f"{problem}: the rows break these rules of the data test:", *list_violations(found)]
            raise ProblemError("\n".join([*lines, "Correct the declaration or the rows."]))
        return read_table(url, "", problem.columns).frame


def _read_reference(problem: Problem) -> Profile:
    path = problem.folder / REFERENCE
    try:
        reference = read_profile(path)
        describe_reference(reference, problem.columns, path)  # as `01_test_data` does
    except UsageError as error:
        raise ProblemError(f"{problem} cannot be tested for drift. {error}") from error
    return reference
