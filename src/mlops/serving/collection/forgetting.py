"""The removal of a person's rows from a segment."""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from .frames import encode_frame, read_frames
from .layout import Header, Record, Turn, decode_header, decode_turn, encode_header, encode_turn
from .packing import hash_text
from .segments import Segment
from .unpacking import keep_rows, list_ids


class Person:
    """A person whose rows are removed.

    Parameters
    ----------
    ids : collection of str
        The ids of the person's rows.
    key : str
        The key with which ids were hashed; empty if ids were not hashed.
    """

    def __init__(self, ids: Collection[str], key: str = "") -> None:
        self._ids = {*ids}
        self._hashes = {hash_text(key.encode(), one) for one in ids} if key else set()

    @property
    def has_key(self) -> bool:
        """True if hashed ids can be found."""
        return bool(self._hashes)

    def find_rows(self, header: Header, record: Record) -> NDArray[np.bool_]:
        """Return an array with a boolean for each row of a record: whether the row belongs to the person."""
        found = np.zeros(record.count, dtype=bool)
        for _, values, hashed in list_ids(header, record):
            wanted = self._hashes if hashed else self._ids
            found |= np.fromiter((value in wanted for value in values), bool, len(values))
        return found


def forget_rows(content: bytes, person: Person) -> tuple[bytes, int]:
    """Remove the rows of a person from the content of a segment.

    Returns
    -------
    tuple of (bytes, int)
        The new content, which is empty if no row remains, and the number of removed rows.
    """
    frames = read_frames(content)
    header = decode_header(next(frames)[0])
    written, removed = [encode_frame(encode_header(header))], 0
    for payload, _ in frames:
        turn = decode_turn(payload)
        found = [person.find_rows(header, record) for record in turn.records]
        count = sum(int(rows.sum()) for rows in found)
        if count:
            kept = [
                keep_rows(header, record, ~rows) if rows.any() else record
                for record, rows in zip(turn.records, found, strict=True)
            ]
            turn = Turn(turn.time, turn.rows - count, [record for record in kept if record.count])
            payload = encode_turn(turn)
        if turn.records:
            written.append(encode_frame(payload))
        removed += count
    return (b"".join(written) if len(written) > 1 else b""), removed


def has_ids(segment: Segment) -> bool:
    """Return whether each row of a segment has an id, in a column or beside the rows of its request."""
    return all(_has_ids(segment.header, record) for turn in segment.turns for record in turn.records)


def has_hashes(segment: Segment) -> bool:
    """Return whether ids of a segment are hashed."""
    records = (record for turn in segment.turns for record in turn.records)
    return any(hashed for record in records for _, _, hashed in list_ids(segment.header, record))


def _has_ids(header: Header, record: Record) -> bool:
    found = np.zeros(record.count, dtype=bool)
    for _, values, _ in list_ids(header, record):
        found |= np.fromiter((value is not None for value in values), bool, len(values))
    return bool(found.all())
