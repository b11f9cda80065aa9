"""The content of a segment: its header, and the records of each turn."""

# The payload of the first frame is a header, and the payload of each later frame is a turn. Both are encoded in
# msgpack.

from typing import Any, Literal

import msgspec

from ..schema import Answer

FORMAT = 1
Treatment = Literal["kept", "hashed", "omitted"]
BODY, TEXT = "request", "text"  # the only column, and its kind, if the scoring script reads the bodies of requests
Packed = bytes | list[Any]  # numbers as float64, dates as microseconds since 1970, all other values as a list
Stored = tuple[Packed, list[str | None] | None]  # the rows of a request, and their ids


class CollectedColumn(msgspec.Struct, frozen=True):
    """A feature of the requests: its name, its kind as in the schema, and whether it is stored, hashed or omitted.

    If the scoring script reads the bodies of requests, the only feature is the body, of the kind "text".
    """

    name: str
    kind: str
    treatment: Treatment = "kept"


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """The header of a segment, with everything that is needed to read the segment.

    Parameters
    ----------
    format : int
        The format number of the segment.
    model, version, digest : str, str, str
        The model, its version, and the digest of the image.
    worker : str
        The id of the process that wrote the segment.
    started : int
        The time when the segment was created, in nanoseconds since 1970, UTC.
    columns : tuple of CollectedColumn
        The features.
    id : CollectedColumn, optional
        The column with the ids, which are not part of the rows; None if the schema has no such column.
    answer : Answer
        The kind of the predictions.
    share : float
        The share of requests that was collected.
    """

    format: int = FORMAT
    model: str
    version: str
    digest: str
    worker: str
    started: int
    columns: tuple[CollectedColumn, ...]
    id: CollectedColumn | None = None
    answer: Answer = Answer()
    share: float = 1.0

    @property
    def stored(self) -> tuple[CollectedColumn, ...]:
        """The columns that the records contain."""
        return tuple(column for column in self.columns if column.treatment != "omitted")

    @property
    def is_text(self) -> bool:
        """True if the row of each record is the body of a request, and its prediction is the body of the answer."""
        return any(column.kind == TEXT for column in self.columns)


class Record(msgspec.Struct, array_like=True, gc=False):
    """A scored request.

    Parameters
    ----------
    request : str
        The id of the request.
    count : int
        The number of rows, n.
    rows : bytes or list
        If all features are numbers and none is hashed, the bytes of a float64 array with n rows. Otherwise, a list with
        one item per stored column.
    predictions : bytes or list
        The bytes of a float64 array with n rows, or a list of n booleans or labels.
    ids : list, optional
        The id of each row; None for a row without an id.
    places : list of int, optional
        The number of each row in its request, from 0. None if no row was removed.
    """

    request: str
    count: int
    rows: Packed
    predictions: Packed
    ids: list[str | None] | None = None
    places: list[int] | None = None


class Turn(msgspec.Struct, array_like=True, gc=False):
    """The records of one turn of the event loop.

    Parameters
    ----------
    time : int
        The time when the turn was written, in nanoseconds since 1970, UTC.
    rows : int
        The number of rows in all records.
    records : list of Record
        The scored requests.
    """

    time: int
    rows: int
    records: list[Record]


class TurnCount(msgspec.Struct, array_like=True):
    """A turn whose records are not decoded, because only its number of rows is needed."""

    time: int
    rows: int
    records: msgspec.Raw


class UnknownFormat(ValueError):
    """An exception for a segment that a newer version wrote."""


_encoder = msgspec.msgpack.Encoder()
_headers = msgspec.msgpack.Decoder(Header)
_turns = msgspec.msgpack.Decoder(Turn)
_counts = msgspec.msgpack.Decoder(TurnCount)


def encode_header(header: Header) -> bytes:
    """Return a header as the payload of a frame."""
    return _encoder.encode(header)


def encode_turn(turn: Turn) -> bytes:
    """Return a turn as the payload of a frame."""
    return _encoder.encode(turn)


def decode_header(payload: bytes) -> Header:
    """Return the header in a payload.

    Raises
    ------
    UnknownFormat
        If a newer version wrote the segment.
    """
    header = _headers.decode(payload)
    if header.format > FORMAT:
        raise UnknownFormat(f"The segment has format {header.format}, but this version reads format {FORMAT}.")
    return header


def decode_turn(payload: bytes) -> Turn:
    """Return the turn in a payload."""
    return _turns.decode(payload)


def count_rows(payload: bytes) -> int:
    """Return how many rows the turn in a payload has."""
    return _counts.decode(payload).rows
