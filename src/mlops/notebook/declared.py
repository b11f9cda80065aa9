"""The problem that the project declares, and the hyperparameters that a notebook sets."""

from mlops.notebook.ranges import hide_frames
from mlops.parameters import layers
from mlops.parameters.hyperparameters import require_fitting_folder, require_set
from mlops.parameters.lookup import RUN_FOLDER
from mlops.problem import Problem
from mlops.workspace import find_workspace


def load_problem() -> Problem:
    """Return the problem that ``parameters/base.yml`` names.

    Raises
    ------
    ProblemError
        If the file does not name a problem, or the problem's declaration is wrong.
    """
    with hide_frames():
        return layers.load_problem(find_workspace())


def read_hyperparameters(problem: Problem) -> dict[str, object]:
    """Return the hyperparameters of a problem by name, with the values that the calling notebook has set.

    If no pipeline runs the notebook, also check that the project's notebooks fit the hyperparameters and metrics.

    Raises
    ------
    ProblemError
        If the notebook does not set one of the hyperparameters, or if a notebook uses the name of a hyperparameter or a
        metric for something else.
    """
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    variables = shell.user_ns if shell else {}
    with hide_frames():
        require_set(problem, variables, "this notebook")
        if not variables.get(RUN_FOLDER):  # otherwise, the command that runs the pipeline has checked them
            require_fitting_folder(problem, find_workspace().notebooks)
    return {name: variables[name] for name in problem.hyperparameters}
