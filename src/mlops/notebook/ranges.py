"""The check of a parameter's range in JupyterLab, where no runner reads a notebook before it runs."""

import ast
import sys

from mlops.errors import ParameterError
from mlops.parameters.declarations import INTERVAL, OPTIONS, PATTERN, read_cell

THIS_CELL = "parameters cell"


def check_cells() -> None:
    """Check each cell before this kernel runs it; do nothing outside of IPython."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell and check_cell not in shell.input_transformers_cleanup:
        shell.input_transformers_cleanup.append(check_cell)


def check_cell(lines: list[str]) -> list[str]:
    """Return a cell unchanged; refuse a declaration of parameters with a value that its comment excludes.

    Parameters
    ----------
    lines : list of str
        The cell, as IPython passes it to its input transformers.

    Raises
    ------
    ParameterError
        For such a value. IPython shows the error instead of running the cell.
    """
    source = "".join(lines)
    if _declares(source):
        try:
            read_cell(source, THIS_CELL)
        except ParameterError as error:
            shown = f"{type(error).__name__}: {error}"
            error._render_traceback_ = lambda: [shown]  # type: ignore[attr-defined]  # IPython's way to show no frames
            raise
    return lines


check_cell.has_side_effects = True  # type: ignore[attr-defined]  # IPython need not ask it whether a cell is complete


def _declares(source: str) -> bool:
    """Return whether a cell contains only literals, at least one with a comment that gives its allowed values."""
    if not any(declared.search(source) for declared in (INTERVAL, OPTIONS, PATTERN)):
        return False
    try:
        statements = ast.parse(source).body
        for statement in statements:
            if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
                return False
            ast.literal_eval(statement.value)
    except (SyntaxError, ValueError):
        return False
    return bool(statements)
