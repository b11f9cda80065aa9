"""The check of parameter values in notebooks that no pipeline runs."""

import ast
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

from mlops.errors import MlopsError, ParameterError
from mlops.parameters.declarations import (
    INTERVAL,
    KINDS,
    OPTIONS,
    PATTERN,
    Parameter,
    Setting,
    check_value,
    list_comments,
    read_cell,
    split_assignment,
)
from mlops.parameters.suggestion import suggest

RULES = (INTERVAL, OPTIONS, PATTERN)
THIS_CELL = "parameters cell"
SPECIAL = {*"[](){}*+?^$|\\"}  # a word after "matching" is a regular expression if it has one of these characters
# A line of code that is added to a cell and checks its variables.
AFTERWARDS = f"__import__({__name__!r}, fromlist=['check_cell']).check_cell.check_values({{source!r}}, globals())"
INJECTED = "# Parameters\n"  # the first line of the cell in which papermill sets parameters
# The kinds of syntax nodes in a constant. Names and calls are not among them.
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
    """Make this kernel check the parameters in each cell before it runs the cell. Do nothing outside of IPython."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell and check_cell not in shell.input_transformers_cleanup:
        shell.input_transformers_cleanup.append(check_cell)


class CellCheck:
    """The check of the parameters in all cells that one kernel runs."""

    has_side_effects = True  # without this, IPython would also call this object to find out whether a cell is complete

    def __init__(self) -> None:
        self._declared: dict[str, Parameter] = {}

    def __call__(self, lines: list[str]) -> list[str]:
        """Check the values that a cell gives to parameters, and return the cell to run.

        A computed value is known only after the cell has run, so the returned cell gets a last line that checks it.

        Parameters
        ----------
        lines : list of str
            The lines of the cell.

        Raises
        ------
        ParameterError
            If a value is not allowed, if the notebook does not declare the parameter, or if the value in a
            declaration is not a literal.
        """
        source = "".join(lines)
        with hide_frames():
            if source.startswith(INJECTED):
                self._check_injected(source)
            elif _assigns_constants(source):
                self._declared = self._read_declared_parameters(source)
            elif _list_assignments_with_rules(source):
                return [*lines[:-1], lines[-1].rstrip("\n") + "\n", AFTERWARDS.format(source=source)]
        return lines

    def check_values(self, source: str, values: Mapping[str, Any]) -> None:
        """Check the variables that a cell has set: the comments in the cell must allow their values.

        Parameters
        ----------
        source : str
            The source of the cell, which has already run and only assigns values.
        values : mapping
            The variables of the kernel.

        Raises
        ------
        ParameterError
            If a value is not allowed.
        """
        for name, line in _list_assignments_with_rules(source).items():
            value = values[name].item() if getattr(values[name], "shape", None) == () else values[name]
            if type(value) in KINDS:
                with hide_frames():
                    (self._declared[name],) = read_cell(line, THIS_CELL, {name: value})
            else:
                said = f"{name} was not checked, because its value is of type {type(value).__name__}."
                warnings.warn_explicit(said, UserWarning, THIS_CELL, 1)  # no such file, so no code is quoted

    def _read_declared_parameters(self, source: str) -> dict[str, Parameter]:
        ranges = any(rule.search(source) for rule in RULES)
        if self._declared and not ranges:
            return self._declared
        with nullcontext() if ranges else suppress(ParameterError):  # the cell may not declare parameters
            return {parameter.name: parameter for parameter in read_cell(source, THIS_CELL)}
        return {}

    def _check_injected(self, source: str) -> None:
        if not self._declared:
            return
        with suppress(ValueError):  # papermill did not write this cell
            for name, value in [(name, ast.literal_eval(value)) for name, _, value in _list_assignments(source)]:
                if name not in self._declared:
                    raise ParameterError(f"This notebook has no parameter {name!r}{suggest(name, self._declared)}")
                check_value(self._declared[name], Setting(value, f"The injected value of {name}"))


check_cell = CellCheck()


@contextmanager
def hide_frames() -> Iterator[None]:
    """Make IPython show an error of the engine, such as a ParameterError, without a traceback."""
    try:
        yield
    except MlopsError as error:
        shown = f"{type(error).__name__}: {error}"
        error._render_traceback_ = lambda: [shown]  # type: ignore[attr-defined]  # IPython's way to show no frames
        raise


def _list_assignments(source: str) -> Iterator[tuple[str, ast.stmt, ast.expr]]:
    """Yield the name, the statement and the value of each assignment, and raise ValueError for any other statement."""
    try:
        statements = ast.parse(source).body
    except SyntaxError:
        raise ValueError from None
    for statement in statements:
        name, value = split_assignment(statement)
        if name is None or value is None:
            raise ValueError
        yield name.id, statement, value


def _assigns_constants(source: str) -> bool:
    try:
        values = [value for _, _, value in _list_assignments(source)]
    except ValueError:
        return False
    return bool(values) and all(isinstance(part, PARTS) for value in values for part in ast.walk(value))


def _list_assignments_with_rules(source: str) -> dict[str, str]:
    try:
        statements = [(name, statement) for name, statement, _ in _list_assignments(source)]
    except ValueError:
        return {}
    comments = list_comments(source)
    ruled = [(name, found, comments.get(found.end_lineno or 0, "")) for name, found in statements]
    return {
        name: f"{ast.get_source_segment(source, found)}  # {comment}"
        for name, found, comment in ruled
        if _has_rule(comment)
    }


def _has_rule(comment: str) -> bool:
    pattern = PATTERN.search(comment)
    return bool(INTERVAL.search(comment) or OPTIONS.search(comment) or (pattern and SPECIAL & {*pattern[1]}))
