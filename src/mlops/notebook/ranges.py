"""The check of parameters in JupyterLab and papermill, where no runner reads a notebook before it runs."""

import ast
import sys
from collections.abc import Iterator
from contextlib import nullcontext, suppress

from mlops.errors import ParameterError
from mlops.parameters.declarations import (
    INTERVAL,
    OPTIONS,
    PATTERN,
    Parameter,
    Setting,
    check_value,
    read_cell,
    split_assignment,
)
from mlops.parameters.suggestion import suggest

THIS_CELL = "parameters cell"
INJECTED = "# Parameters\n"  # the first line of the cell in which papermill sets parameters
# The parts of a constant, as opposed to names and calls.
PARTS = (
    ast.Constant,
    ast.List,
    ast.Tuple,
    ast.Dict,
    ast.Set,
    ast.UnaryOp,
    ast.BinOp,
    ast.unaryop,
    ast.operator,
    ast.expr_context,
)


def check_cells() -> None:
    """Check each cell before this kernel runs it; do nothing outside of IPython."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell and check_cell not in shell.input_transformers_cleanup:
        shell.input_transformers_cleanup.append(check_cell)


class CellCheck:
    """The check of the cells of one kernel, which remembers the parameters that its notebook declares."""

    has_side_effects = True  # keeps IPython from calling this just to see whether a cell is complete

    def __init__(self) -> None:
        self._declared: dict[str, Parameter] = {}

    def __call__(self, lines: list[str]) -> list[str]:
        """Return a cell unchanged; refuse parameters with a value that the comment of their declaration excludes.

        Parameters
        ----------
        lines : list of str
            The cell, as IPython passes it to its input transformers.

        Raises
        ------
        ParameterError
            For such a value, a parameter that the notebook does not declare, or a computed value in a cell of
            declarations. IPython shows the error instead of running the cell.
        """
        source = "".join(lines)
        try:
            if source.startswith(INJECTED):
                self._check_injected(source)
            elif _assigns_constants(source):
                self._declared = self._read_declared(source)
        except ParameterError as error:
            shown = f"{type(error).__name__}: {error}"
            error._render_traceback_ = lambda: [shown]  # type: ignore[attr-defined]  # IPython's way to show no frames
            raise
        return lines

    def _read_declared(self, source: str) -> dict[str, Parameter]:
        """Return the parameters of a cell of constants; without a range, only the first such cell declares any."""
        ranges = any(found.search(source) for found in (INTERVAL, OPTIONS, PATTERN))
        if self._declared and not ranges:
            return self._declared
        with nullcontext() if ranges else suppress(ParameterError):  # it may be a cell of other constants
            return {parameter.name: parameter for parameter in read_cell(source, THIS_CELL)}
        return {}

    def _check_injected(self, source: str) -> None:
        if not self._declared:
            return
        with suppress(ValueError):  # not a cell that papermill wrote
            for name, value in [(name, ast.literal_eval(value)) for name, value in _list_assignments(source)]:
                if name not in self._declared:
                    raise ParameterError(f"This notebook has no parameter {name!r}{suggest(name, self._declared)}")
                check_value(self._declared[name], Setting(value, f"The injected value of {name}"))


check_cell = CellCheck()


def _list_assignments(source: str) -> Iterator[tuple[str, ast.expr]]:
    """Yield the name and the constant of each assignment in a cell.

    Raises
    ------
    ValueError
        If the cell does anything else.
    """
    try:
        statements = ast.parse(source).body
    except SyntaxError:
        raise ValueError from None
    for statement in statements:
        name, value = split_assignment(statement)
        if name is None or value is None or not all(isinstance(part, PARTS) for part in ast.walk(value)):
            raise ValueError
        yield name.id, value


def _assigns_constants(source: str) -> bool:
    """Return whether a cell only assigns constants, as a ``parameters`` cell does."""
    try:
        return bool(list(_list_assignments(source)))
    except ValueError:
        return False
