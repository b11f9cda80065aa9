"""The check that a training notebook sets all hyperparameters of its problem, and declares no unused parameter."""

import ast
import json
import re
from collections.abc import Collection
from pathlib import Path

from mlops.errors import ProblemError
from mlops.parameters.declarations import TAG
from mlops.parameters.suggestion import find_closest
from mlops.problem import Problem

MAGIC = re.compile(r"^\s*[%!].*$", re.MULTILINE)  # IPython commands, which are not valid Python
WORD = re.compile(r"\w+")


def require_hyperparameters(problem: Problem, notebook: Path, declared: Collection[str]) -> None:
    """Raise an error if a notebook does not set a hyperparameter, or declares a parameter that nothing uses.

    Parameters
    ----------
    problem : Problem
        The problem; see `Problem.hyperparameters`.
    notebook : Path
        The notebook that trains the models of the problem.
    declared : collection of str
        The parameters that the notebook declares.

    Raises
    ------
    ProblemError
        If the notebook does not set a hyperparameter, or declares a parameter that nothing uses.
    """
    trained = problem.hyperparameters
    require_set(problem, declared, str(notebook))
    unused = next((name for name in declared if name not in {*trained, *_list_names(notebook)}), None)
    if unused:
        close = find_closest(unused, trained)
        fix = f"Did you mean {close!r}?" if close else "Remove its line from the cell tagged `parameters`."
        raise ProblemError(
            f"{notebook} sets {unused!r}, but neither a cell nor the training of {problem.name!r} uses it. {fix}"
        )


def require_set(problem: Problem, names: Collection[str], notebook: str) -> None:
    """Raise an error if a hyperparameter of a problem is not among the names that a notebook sets.

    Raises
    ------
    ProblemError
        If a hyperparameter is not set. The message calls the notebook `notebook`.
    """
    missing = next((name for name in problem.hyperparameters if name not in names), None)
    if missing:
        raise ProblemError(
            f"{problem} has the hyperparameter {missing!r}, but {notebook} does not set it. Add a line for it to the "
            f"cell tagged `{TAG}`."
        )


def _list_names(notebook: Path) -> set[str]:
    """Return every name in the code of a notebook, except in the cell that declares the parameters."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code" and TAG not in cell["metadata"].get("tags", [])]
    return {name for cell in code for name in _find_names("".join(cell["source"]))}


def _find_names(source: str) -> set[str]:
    magics = {word for line in MAGIC.findall(source) for word in WORD.findall(line)}
    try:
        tree = ast.parse(MAGIC.sub("", source))
    except SyntaxError:  # the cell fails with this error when it runs
        return {*WORD.findall(source)}
    return magics | {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
