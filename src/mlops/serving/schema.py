"""The features of a request and the kind of the answer, from ``schema.json``; see `mlops.image.schema`."""

import datetime
from functools import cached_property
from pathlib import Path
from typing import Literal

import msgspec

from .refusals import join_names

SCHEMA = "schema.json"
FORMAT = 1


class Feature(msgspec.Struct, frozen=True):
    """A feature of a request, and the rules for its values.

    Parameters
    ----------
    name : str
        The key in a record.
    kind : str
        The kind of the value: "number", "category" (text), "boolean", "date" or "id" (text or whole numbers).
    minimum, maximum : float or str, optional
        The range of a number or a date, including both ends.
    allowed : tuple of str
        The allowed values of a category. Empty if any string is allowed.
    missing : bool
        Whether null is allowed.
    """

    name: str
    kind: Literal["number", "category", "boolean", "date", "id"] = "number"
    minimum: float | str | None = None
    maximum: float | str | None = None
    allowed: tuple[str, ...] = ()
    missing: bool = False

    @property
    def days(self) -> tuple[datetime.date, datetime.date]:
        """The first and the last date that the feature allows."""
        first, last = (self.minimum or "0001-01-01"), (self.maximum or "9999-12-31")
        return datetime.date.fromisoformat(str(first)), datetime.date.fromisoformat(str(last))


class Answer(msgspec.Struct, frozen=True):
    """The kind of the answer to a row, and the sorted classes, which are empty if the answer is a number."""

    kind: Literal["number", "boolean", "category"] = "number"
    classes: tuple[str | bool, ...] = ()


class Schema(msgspec.Struct, frozen=True, dict=True):
    """The schema of an image: the features that a request needs, and the kind of the answers.

    If `joins_requests` is true, the scoring script can get the rows of several requests in one call. `id` is the name
    of the column whose values distinguish rows, and that the model does not use; empty if there is none.
    """

    format: int
    features: tuple[Feature, ...]
    answer: Answer
    joins_requests: bool = False  # images of older versions do not declare it
    id: str = ""

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the features."""
        return tuple(feature.name for feature in self.features)

    @cached_property
    def only_numbers(self) -> bool:
        """True if all features are numbers. If so, a row can be a list of numbers."""
        return all(feature.kind == "number" for feature in self.features)


def read_schema(bundle: Path) -> Schema | None:
    """Return the schema of an image, or None if the image has no schema.

    Raises
    ------
    ValueError
        If the file is damaged, or was written by a newer version.
    """
    path = bundle / SCHEMA
    return decode_schema(path.read_bytes()) if path.is_file() else None


def decode_schema(content: bytes) -> Schema:
    """Return the schema in the content of ``schema.json``.

    Raises
    ------
    ValueError
        If the file is damaged, or was written by a newer version.
    """
    schema = msgspec.json.decode(content, type=Schema)
    if schema.format != FORMAT:
        raise ValueError(
            f"The schema of the image has format {schema.format}, but this version reads format {FORMAT}. Use the "
            "version of mlops that created the image."
        )
    return schema


def describe_values(feature: Feature) -> str:
    """Return the values that a feature allows, as text: "a number from 0, or null"."""
    if feature.allowed:
        return f"one of: {join_names(feature.allowed)}" + (", or null" if feature.missing else "")
    kinds = {
        "number": "a number",
        "date": "a date",
        "boolean": "true or false",
        "category": "text",
        "id": "text or a whole number",
    }
    low, high = feature.minimum, feature.maximum
    if low is not None and high is not None:
        limits = f" from {_write_bound(low)} to {_write_bound(high)}"
    elif low is not None:
        limits = f" from {_write_bound(low)}"
    else:
        limits = f" up to {_write_bound(high)}" if high is not None else ""
    form = ' in the form "2024-01-31"' if feature.kind == "date" and not limits else ""
    return f"{kinds[feature.kind]}{limits}{form}" + (", or null" if feature.missing else "")


def _write_bound(bound: float | str) -> str:
    if isinstance(bound, str):
        return f'"{bound}"'
    return f"{bound:,.0f}" if float(bound).is_integer() and abs(bound) < 1e15 else f"{bound}"
