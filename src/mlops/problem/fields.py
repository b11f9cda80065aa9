"""The checks of single fields of a declaration."""

# Python does not check annotations. Without these checks, "no" would count as true, and a string as a tuple of letters.

import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import TypeGuard

from mlops.errors import ProblemError


def require_tuple(owner: object, field: str, values: object, wanted: type) -> None:
    """Check that the value of a field is a tuple or a list, and that all its items are of the type `wanted`.

    If `wanted` is str, no item may be empty, and no two items may be equal.

    Raises
    ------
    ProblemError
        If the value does not meet these conditions.
    """
    if isinstance(values, str):
        raise ProblemError(f"{owner}: {field} is {values!r}. Write a tuple: ({values!r},).")
    if not isinstance(values, tuple | list):
        found = type(values).__name__
        raise ProblemError(
            f"{owner}: {field} is of the type {found}. Write a tuple, with a comma after a single value."
        )
    for place, value in enumerate(values):
        if not isinstance(value, wanted):
            raise ProblemError(
                f"{owner}: {field}[{place}] is of the type {type(value).__name__}, but must be of the type "
                f"{wanted.__name__}."
            )
    if wanted is str:
        _require_distinct(owner, field, values)


def require_text(owner: object, field: str, value: object) -> None:
    """Check that the value of a field is a string, which can be empty.

    Raises
    ------
    ProblemError
        If the value is something else.
    """
    if not isinstance(value, str):
        raise ProblemError(f"{owner}: {field} is {value!r}. Write a string.")


def require_flag(owner: object, field: str, value: object) -> None:
    """Check that the value of a field is True or False.

    Raises
    ------
    ProblemError
        If the value is something else.
    """
    if not isinstance(value, bool):
        raise ProblemError(f"{owner}: {field} is {value!r}. Write True or False.")


def require_function(owner: object, field: str, value: object) -> None:
    """Check that the value of a field can be called.

    Raises
    ------
    ProblemError
        If the value cannot be called.
    """
    if not callable(value):
        raise ProblemError(f"{owner}: {field} is {value!r}. Give a function.")


def is_number(value: object) -> TypeGuard[float]:
    """Return whether the value of a field is a number, but neither a boolean nor NaN."""
    return isinstance(value, Real) and not isinstance(value, bool) and not math.isnan(value)


def is_whole(value: object) -> TypeGuard[int]:
    """Return whether the value of a field is a whole number, but not a boolean."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def _require_distinct(owner: object, field: str, texts: Sequence[str]) -> None:
    for place, text in enumerate(texts):
        if not text:
            raise ProblemError(f"{owner}: {field}[{place}] is empty. Remove it.")
        if text in texts[:place]:
            raise ProblemError(f"{owner}: {field} has {text!r} more than once. Remove one of them.")
