"""Rows and predictions in the form in which they are stored. Columns can be omitted, or stored as HMACs."""

import hmac
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..answers import NUMBERS
from ..rows import Ids, Rows
from ..schema import Schema
from .layout import BODY, TEXT, CollectedColumn, Packed, Treatment

DIGITS = 32  # hexadecimal digits of an HMAC; 128 bits are enough to distinguish all values


class Packer:
    """An object that converts the rows of requests to the form in which they are stored.

    Parameters
    ----------
    schema : Schema, optional
        The schema of the image. None if the scoring script reads the bodies of requests, which are then the rows.
    omitted, hashed : collection of str
        The columns to omit, and the columns of which only an HMAC is stored.
    key : str
        The key of the HMAC.

    Raises
    ------
    ValueError
        If a column is unknown or named twice, or if the key is missing.
    """

    def __init__(
        self, schema: Schema | None, omitted: Collection[str] = (), hashed: Collection[str] = (), key: str = ""
    ) -> None:
        features: list[tuple[str, str]] = (
            [(one.name, one.kind) for one in schema.features] if schema else [(BODY, TEXT)]
        )
        ids = [(schema.id, "id")] if schema and schema.id else []
        _check_names([name for name, _ in (*features, *ids)], omitted, hashed)
        if hashed and not key:
            raise ValueError(f"The columns {', '.join(hashed)} are to be hashed, but there is no key.")
        self._key = key.encode()
        treatments: dict[str, Treatment] = {**dict.fromkeys(omitted, "omitted"), **dict.fromkeys(hashed, "hashed")}
        self.columns = tuple(CollectedColumn(name, kind, treatments.get(name, "kept")) for name, kind in features)
        self.id = next((CollectedColumn(name, kind, treatments.get(name, "kept")) for name, kind in ids), None)
        numbered = [*enumerate(self.columns)]
        self._stored = [(place, column) for place, column in numbered if column.treatment != "omitted"]
        self._kept = [place for place, _ in self._stored] if len(self._stored) < len(numbered) else None
        hashes = any(column.treatment == "hashed" for column in self.columns)
        self._is_matrix = schema is not None and schema.only_numbers and not hashes

    def pack_rows(self, rows: Rows) -> Packed:
        """Return rows in the form in which they are stored."""
        if not isinstance(rows, Mapping):
            if self._is_matrix:
                return (rows if self._kept is None else rows[:, self._kept]).tobytes()
            return [self._pack_column(column, rows[:, place]) for place, column in self._stored]
        return [self._pack_column(column, rows[column.name]) for _, column in self._stored]

    def pack_ids(self, ids: Ids) -> Ids:
        """Return the ids of rows in the form in which they are stored."""
        if ids is None or self.id is None or self.id.treatment == "omitted":
            return None
        if self.id.treatment == "kept":
            return ids
        return [None if one is None else hash_text(self._key, one) for one in ids]

    def _pack_column(self, column: CollectedColumn, values: NDArray[Any]) -> Packed:
        if column.treatment == "hashed":
            return [None if text is None else hash_text(self._key, text) for text in list_texts(column.kind, values)]
        if column.kind in ("number", "date"):
            return values.tobytes()
        return [None if value != value else value for value in values.tolist()]  # a missing string is NaN


def pack_predictions(predictions: NDArray[Any]) -> Packed:
    """Return predictions in the form in which they are stored: numbers as float64, booleans and labels as a list."""
    if predictions.dtype.kind in NUMBERS:
        return predictions.astype(np.float64, copy=False).tobytes()
    found: list[Any] = predictions.tolist()
    return found


def hash_text(key: bytes, text: str) -> str:
    """Return the first `DIGITS` hexadecimal digits of a string's HMAC-SHA256."""
    return hmac.digest(key, text.encode(), "sha256").hex()[:DIGITS]


def list_texts(kind: str, values: NDArray[Any]) -> Sequence[str | None]:
    """Return the values of a column as strings: "0.5", "true", "2024-01-31". A missing value is None."""
    if kind == "date":
        texts = np.datetime_as_string(values, unit="D").tolist()
        return [None if text == "NaT" else text for text in texts]
    if kind == "boolean":
        return [None if value is None else str(value).lower() for value in values.tolist()]
    return [None if value is None or value != value else str(value) for value in values.tolist()]


def _check_names(known: Collection[str], omitted: Collection[str], hashed: Collection[str]) -> None:
    unknown = [name for name in (*omitted, *hashed) if name not in known]
    if unknown:
        having = f"The columns are: {', '.join(known)}"
        raise ValueError(f"There is no column {unknown[0]!r} to leave out or to hash. {having}.")
    both = sorted({*omitted} & {*hashed})
    if both:
        raise ValueError(f"The column {both[0]!r} cannot be both left out and hashed. Choose one.")
