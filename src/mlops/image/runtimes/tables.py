"""Tables that replace the transformers of texts and booleans: they have the outputs for each known value."""

# A table is right for each transformer whose outputs depend on one column each, whatever it computes. Whether the known
# values are all that matter is judged on rows.

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

NOT_INSTALLED = "`make setup EXTRAS=runtimes` installs it"  # the reason for a runtime that cannot be tried here
UNSEEN = "a text that no row contains"
Refused = Literal["missing", "unknown"]


class Unsupported(Exception):
    """An exception for a model, or a part of it, that a runtime cannot serve. The message is the reason."""


@dataclass(frozen=True)
class Table:
    """The outputs of a transformer that depend on one column.

    Parameters
    ----------
    column : int
        The position of the column.
    places : tuple of int
        The positions of the outputs.
    values : tuple of str or bool
        The known values of the column.
    inputs : array of shape (values + 2, outputs)
        The outputs for each known value, for a missing value, and for an unknown value.
    refused : tuple of str
        The values for which the transformer raises an error.
    """

    column: int
    places: tuple[int, ...]
    values: tuple[str | bool, ...]
    inputs: NDArray[np.float64]
    refused: tuple[Refused, ...]


def is_boolean(column: pd.Series) -> bool:
    """Return whether a column contains booleans, and possibly gaps."""
    if column.dtype != object:
        return bool(pd.api.types.is_bool_dtype(column.dtype))
    values = column.dropna().tolist()
    return bool(values) and all(isinstance(value, bool) for value in values)


def tabulate(transformer: Any, inputs: pd.DataFrame) -> list[Table]:
    """Return a table for each column of a transformer.

    Parameters
    ----------
    transformer : scikit-learn transformer
        The fitted transformer.
    inputs : DataFrame
        Rows with the columns of the transformer.

    Raises
    ------
    Unsupported
        If an output depends on several columns.
    """
    known = [_list_values(inputs.iloc[:, place], place, transformer) for place in range(inputs.shape[1])]
    base = [values[0] for values in known]
    names = list(inputs.columns)
    found = [_transform_values(transformer, names, base, place, values) for place, values in enumerate(known)]
    varying = [np.ptp(np.nan_to_num(outputs, nan=np.pi), axis=0) > 0 for outputs, _ in found]
    if (np.sum(varying, axis=0) > 1).any():
        raise Unsupported("an encoded value depends on several columns")
    varying[0] |= ~np.any(varying, axis=0)  # constants
    tables = zip(range(len(names)), varying, known, found, strict=True)
    return [
        Table(place, tuple(map(int, np.flatnonzero(own))), tuple(values), outputs[:, own], refused)
        for place, own, values, (outputs, refused) in tables
    ]


def _list_values(column: pd.Series, place: int, transformer: Any) -> list[Any]:
    if is_boolean(column):
        return [False, True]
    parts = [part.categories_ for part in _list_parts(transformer) if hasattr(part, "categories_")]
    known = parts[0][place] if parts and len(parts[0]) > place else column.dropna().unique()
    return sorted(value for value in known if isinstance(value, str))


def _list_parts(transformer: Any) -> Iterator[Any]:
    yield transformer
    for _, part in getattr(transformer, "steps", []):
        yield from _list_parts(part)


def _transform_values(
    transformer: Any, names: list[Any], base: list[Any], place: int, values: list[Any]
) -> tuple[NDArray[np.float64], tuple[Refused, ...]]:
    """Return the outputs for all values of a column, and which of "missing" and "unknown" the transformer refuses."""

    def transform(tried: list[Any]) -> NDArray[np.float64]:
        rows = [[*base[:place], value, *base[place + 1 :]] for value in tried]
        table = {name: pd.Series([row[at] for row in rows], dtype=object) for at, name in enumerate(names)}
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # of unknown values
            found = transformer.transform(pd.DataFrame(table))
        dense = found.toarray() if hasattr(found, "toarray") else np.asarray(found)
        return dense.astype(np.float64)

    outputs, refused = [transform(values)], []
    missing = None if isinstance(values[0], bool) else np.nan
    specials: tuple[tuple[Refused, Any], ...] = (("missing", missing), ("unknown", UNSEEN))
    for name, value in specials:
        try:
            outputs.append(transform([value]))
        except (TypeError, ValueError):
            refused.append(name)
            outputs.append(outputs[0][:1])
    return np.concatenate(outputs), tuple(refused)
