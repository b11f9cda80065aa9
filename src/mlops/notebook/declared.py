"""The problem that the project declares, and the hyperparameters that a notebook sets."""

from mlops.parameters import layers
from mlops.parameters.hyperparameters import require_set
from mlops.problem import Problem
from mlops.workspace import find_workspace


def load_problem() -> Problem:
    """Return the problem that ``parameters/base.yml`` names.

    Raises
    ------
    ProblemError
        If the file does not name a problem, or the problem's declaration is wrong.
    """
    return layers.load_problem(find_workspace())


def read_hyperparameters(problem: Problem) -> dict[str, object]:
    """Return the hyperparameters of a problem by name, with the values that the calling notebook has set.

    Raises
    ------
    ProblemError
        If the notebook does not set one of the hyperparameters.
    """
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    variables = shell.user_ns if shell else {}
    require_set(problem, variables, "this notebook")
    return {name: variables[name] for name in problem.hyperparameters}
