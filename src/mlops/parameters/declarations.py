"""The parameters that a notebook declares in its ``parameters`` cell.

A declaration assigns a literal to a name. A comment gives the meaning and the allowed values:

.. code-block:: python

    alpha = 0.4           # strength of the regularization, no unit; in [0, inf)
    folds = 5             # parts of the data, no unit; a whole number in [2, 20]
    environment = "qa"    # where to deploy; one of: qa, production
    solver = ""           # how to solve the equations; empty: automatic; one of: svd, qr
"""

# With a range, fractions are allowed, even if the literal is a whole number, unless the comment says "whole number".

import ast
import io
import json
import math
import re
import tokenize
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops.errors import ParameterError

TAG = "parameters"  # marks the cell that declares the parameters
INTERVAL = re.compile(r"\bin ([\[(])\s*(-?[\w.]+)\s*,\s*(-?[\w.]+)\s*([\])])")
PATTERN = re.compile(r"\bmatching (\S+)")
WHOLE = re.compile(r"\bwhole number\b")
OPTIONS = re.compile(r"\bone of: ([\w-]+(?:, [\w-]+)*)")
CREDENTIALS = re.compile(r"://[^/\s@]*:[^/\s@]*@")
ANNOTATIONS: dict[str, type] = {"bool": bool, "int": int, "float": float, "str": str, "list": list}
KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text", list: "a list"}


@dataclass(frozen=True)
class Parameter:
    """A parameter that a notebook declares.

    Parameters
    ----------
    name : str
        The name of the parameter.
    default : bool, int, float, str or list
        The literal, which is the default value.
    comment : str
        The comment beside the literal.
    interval : str
        The allowed numbers, such as "[0, inf)". Empty if any number is allowed.
    options : tuple of str
        The allowed strings, with "" if the default is empty. Empty if any string is allowed.
    pattern : str
        A regular expression that the whole string must match. Empty if any string is allowed.
    declared : type, optional
        The type that an annotation or the comment declares. If None, the type is that of the literal.
    """

    name: str
    default: Any
    comment: str = ""
    interval: str = ""
    options: tuple[str, ...] = ()
    pattern: str = ""
    declared: type | None = None

    @property
    def kind(self) -> type:
        """The type of the parameter."""
        return self.declared or type(self.default)

    def describe(self) -> str:
        """Return a description of the allowed values: "a number in [0, inf)"."""
        if self.options:
            return f"one of {', '.join(filter(None, self.options))}" + (", or empty" if "" in self.options else "")
        if self.pattern:
            return f"text matching {self.pattern}"
        return KINDS[self.kind] + (f" in {self.interval}" if self.interval else "")


@dataclass(frozen=True)
class Setting:
    """A value of a parameter and, for error messages, its source and the text that the user typed."""

    value: Any
    source: str
    typed: str = ""


def read_declarations(notebook: Path) -> dict[str, Parameter]:
    """Read the parameters that the ``parameters`` cell of a notebook declares.

    Parameters
    ----------
    notebook : Path
        The notebook file.

    Returns
    -------
    dict of str to Parameter
        The parameters by name, in the order of the cell. Empty if the notebook does not have a ``parameters`` cell.

    Raises
    ------
    ParameterError
        If a line of the cell is not ``name = literal``, or if the comment does not allow the literal.
    """
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, KeyError) as error:
        raise ParameterError(f"Could not read {notebook} as a notebook: {error}") from error
    tagged = [cell for cell in cells if TAG in cell["metadata"].get("tags", [])]
    if not tagged:
        return {}
    return {parameter.name: parameter for parameter in read_cell("".join(tagged[0]["source"]), str(notebook))}


def read_cell(source: str, notebook: str, values: Mapping[str, Any] | None = None) -> list[Parameter]:
    """Read the parameters that the source of a ``parameters`` cell declares.

    Parameters
    ----------
    source, notebook : str
        The source of the cell, and the name of the notebook's file for error messages.
    values : mapping, optional
        Values by variable name, for variables that the cell does not set to a literal.

    Raises
    ------
    ParameterError
        If a line is not ``name = literal``, or if the comment does not allow the value.
    """
    try:
        lines = ast.parse(source).body
        comments = list_comments(source)
    except (SyntaxError, tokenize.TokenError) as error:
        raise ParameterError(f"{notebook}: the parameters cell is not valid Python: {error}") from error
    return [_read_declaration(line, comments, notebook, values or {}) for line in lines]


def list_comments(source: str) -> dict[int, str]:
    """Return the comments of a cell by line number, counted from 1."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}


def _read_declaration(
    line: ast.stmt, comments: Mapping[int, str], notebook: str, values: Mapping[str, Any]
) -> Parameter:
    target, value = split_assignment(line)
    try:
        if target is None or value is None:
            raise ValueError
        default = values[target.id] if target.id in values else ast.literal_eval(value)
    except ValueError:
        raise ParameterError(
            f"{notebook}: {ast.unparse(line)!r} is not an assignment of a literal. Write only literals in the "
            "parameters cell, as in `name = 0.5`."
        ) from None
    if type(default) not in KINDS:
        raise ParameterError(
            f"{notebook}: the default of {target.id} is {default!r}, but it must be text, a number, a boolean or a "
            "list."
        )
    comment = comments.get(line.end_lineno or 0, "")
    interval, options, pattern = INTERVAL.search(comment), OPTIONS.search(comment), PATTERN.search(comment)
    try:
        bounds = [float(bound) for bound in interval.groups()[1:3]] if interval else []
    except ValueError:
        raise ParameterError(
            f"{notebook}: the interval of {target.id}, {interval and interval[0]!r}, must have two numbers."
        ) from None
    if bounds and type(default) not in (int, float):
        raise ParameterError(
            f"{notebook}: {target.id} is {default!r}, but it must be a number {interval and interval[0]}."
        )
    parameter = Parameter(
        name=target.id,
        default=default,
        comment=comment,
        interval="{}{}, {}{}".format(*interval.groups()) if interval else "",
        options=(*options[1].split(", "), *([""] if default == "" else [])) if options else (),
        pattern=pattern[1] if pattern else "",
        declared=_read_declared_type(line, default, comment, f"{notebook}: {target.id}"),
    )
    check_value(parameter, Setting(default, f"{notebook}: {target.id}"))
    return parameter


def split_assignment(line: ast.stmt) -> tuple[ast.Name | None, ast.expr | None]:
    """Return the name and the value of an assignment.

    The name is None if the statement does not set exactly one name, and the value is None if it assigns no value.
    """
    targets = line.targets if isinstance(line, ast.Assign) else [line.target] if isinstance(line, ast.AnnAssign) else []
    name = targets[0] if len(targets) == 1 and isinstance(targets[0], ast.Name) else None
    return name, line.value if isinstance(line, ast.Assign | ast.AnnAssign) else None


def _read_declared_type(line: ast.stmt, default: object, comment: str, source: str) -> type | None:
    if isinstance(line, ast.AnnAssign):
        written = ast.unparse(line.annotation)
        try:
            return ANNOTATIONS[written.split("[")[0]]
        except KeyError:
            allowed = ", ".join(ANNOTATIONS)
            raise ParameterError(f"{source} has the type {written}, but it must be one of {allowed}.") from None
    if WHOLE.search(comment):
        return int
    return float if type(default) is int and INTERVAL.search(comment) else None


def check_value(parameter: Parameter, setting: Setting) -> Any:
    """Return the value of `setting`, converted to the type of `parameter`.

    Raises
    ------
    ParameterError
        If the value has the wrong type or is not allowed.
    """
    value, kind = setting.value, parameter.kind
    if kind is float and not isinstance(value, bool):
        with suppress(TypeError, ValueError, OverflowError):
            value = float(value)  # YAML 1.1 reads 1e-3 as text
            if type(parameter.default) is int and value.is_integer():
                value, kind = int(value), int  # the notebook may need an int
    allowed = type(value) is kind and not (isinstance(value, float) and math.isnan(value))
    if allowed and parameter.options:
        allowed = value in parameter.options
    if allowed and parameter.pattern:
        allowed = isinstance(value, str) and re.fullmatch(parameter.pattern, value) is not None
    if allowed and isinstance(value, str) and CREDENTIALS.search(value):
        raise ParameterError(
            f"{setting.source}: the URL contains a password, which would be written into the notebook. Remove it."
        )
    if allowed and parameter.interval:
        allowed = _is_inside(value, parameter.interval)
    if not allowed:
        raise ParameterError(
            f"{setting.source} is {setting.typed or repr(setting.value)}, but it must be {parameter.describe()}."
        )
    return value


def _is_inside(value: float, interval: str) -> bool:
    low, high = (float(bound) for bound in interval[1:-1].split(","))
    above = value >= low if interval[0] == "[" else value > low
    below = value <= high if interval[-1] == "]" else value < high
    return above and below
