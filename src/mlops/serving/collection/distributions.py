"""The distributions of collected rows and predictions in the last day. The uploader counts each closed segment once."""

# The counts of an image are beside the segments, where the next service finds them if it serves the same image.

import logging
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..identity import read_identity
from ..metrics.bins import PREDICTION, ColumnBins
from ..metrics.profile import read_profile
from ..tracing import TEST
from .layout import Header
from .segments import Segment, decode_segment, find_time
from .unpacking import unpack_predictions, unpack_rows

PREFIX = "distributions-"  # a file with counts is named with this prefix and the digest of the image
HOUR = 3600
HOURS = 24  # the hours in which rows are counted: the present one and those before it

logger = logging.getLogger("serving")


class Distributions(msgspec.Struct):
    """The counts by hour (in hours since 1970) and by column, and the names of the segments that were counted."""

    hours: dict[int, dict[str, list[int]]] = {}
    segments: list[str] = []


class DistributionCounter:
    """An object that counts the values in closed segments of an image, and stores the counts beside the segments.

    Parameters
    ----------
    bundle, folder : Path
        The folder of the image, and the folder of the segments.
    """

    def __init__(self, bundle: Path, folder: Path) -> None:
        self._columns = read_profile(bundle).columns
        self._digest = read_identity(bundle)["digest"]
        self._path = find_counts(bundle, folder)
        self._found = read_distributions(self._path)

    def count(self, paths: Iterable[Path], now: float | None = None) -> None:
        """Count the values in this image's segments of the last day. `now` is the time in seconds since 1970."""
        if not self._columns:
            return
        last = _find_hour(now)
        recent = [path for path in paths if find_time(path.name) // HOUR > last - HOURS]
        known = {*self._found.segments}
        new = [path for path in recent if path.stem not in known]
        if not new:
            return
        for path in new:
            with suppress(FileNotFoundError):  # a collector has just deleted the segment
                segment = decode_segment(path.read_bytes())
                if segment and segment.header.digest == self._digest:
                    self._add(int(find_time(path.name)) // HOUR, segment)
        kept = {hour: counts for hour, counts in self._found.hours.items() if hour > last - HOURS}
        # Stored before the segments are uploaded and deleted, so that none is counted twice after a kill.
        self._found = Distributions(kept, [path.stem for path in recent])
        self._write()
        self._delete_old((last - HOURS) * HOUR)

    def _add(self, hour: int, segment: Segment) -> None:
        totals = self._found.hours.setdefault(hour, {})
        for column, values in list_values(self._columns, segment):
            counts = column.count(values)
            totals[column.name] = (counts + totals.get(column.name, 0)).tolist()

    def _write(self) -> None:
        scratch = self._path.with_suffix(".new")
        try:
            scratch.write_bytes(msgspec.json.encode(self._found))
            os.replace(scratch, self._path)
        except OSError as error:  # the disk is full; the uploads that follow free some space
            scratch.unlink(missing_ok=True)
            logger.warning("The distributions of the rows were not stored: %s", error.strerror)

    def _delete_old(self, time: float) -> None:
        for path in self._path.parent.glob(f"{PREFIX}*"):  # of images that served earlier
            with suppress(FileNotFoundError):
                if path != self._path and path.stat().st_mtime < time:
                    path.unlink()


def find_counts(bundle: Path, folder: Path) -> Path:
    """Return the file with the counts of an image, given the folders of the image and of the segments."""
    return folder / f"{PREFIX}{read_identity(bundle)['digest'].removeprefix('sha256:')}.json"


def read_distributions(path: Path) -> Distributions:
    """Return the counts in a file, which are empty if there is no such file, or if it is damaged."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Distributions)
    except (FileNotFoundError, msgspec.DecodeError):
        return Distributions()


def list_values(columns: Sequence[ColumnBins], segment: Segment) -> Iterator[tuple[ColumnBins, NDArray[Any]]]:
    """Yield each of the given columns with its values in a segment, unless the segment omits or hashes the column.

    Rows that were only sent to test the service during a release are left out.
    """
    header = segment.header
    records = [one for turn in segment.turns for one in turn.records if not one.request.startswith(TEST)]
    if not records:
        return
    rows = unpack_rows(header, records)
    kept = {column.name for column in header.stored if column.treatment == "kept"}
    for column in columns:
        if column.name in kept:
            yield column, rows[column.name]
        elif column.name == PREDICTION:
            yield column, np.concatenate([choose_label(header, one) for one in unpack_predictions(header, records)])


def choose_label(header: Header, predictions: NDArray[Any]) -> NDArray[Any]:
    """Return the most probable class of each row, or `predictions` itself if it does not hold probabilities."""
    return (
        np.array(header.answer.classes, dtype=object)[predictions.argmax(axis=1)]
        if predictions.ndim == 2
        else predictions
    )


def total_counts(
    found: Distributions, columns: Sequence[ColumnBins], now: float | None = None
) -> dict[str, NDArray[np.int64]]:
    """Return the number of the last day's values in each bin of the given columns, by the names of the columns."""
    totals = {column.name: np.zeros(len(column.counts), dtype=np.int64) for column in columns}
    for hour, counts in found.hours.items():
        if hour > _find_hour(now) - HOURS:
            for name, total in totals.items():
                total += counts.get(name, 0)
    return totals


def _find_hour(now: float | None) -> int:
    return int(time.time() if now is None else now) // HOUR
