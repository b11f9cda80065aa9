"""The collector of a worker: its segment, and the limit of disk space that all segments share."""

import errno
import logging
import os
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from numpy.typing import NDArray

from ..refusals import Refusal
from ..rows import Ids, Rows
from ..schema import Answer, Schema
from .frames import encode_frame
from .layout import Header, Record, Stored, Turn, encode_turn
from .packing import Packer, pack_predictions
from .segments import CLOSED, SegmentWriter, list_segments, measure_segments, measure_valid
from .settings import Settings

DAY = 86_400_000_000_000  # nanoseconds
FULL = (errno.ENOSPC, errno.EDQUOT)
SCAN_SECONDS = 0.5  # while the limit is reached, the folder is not measured more often than this
LOG_SECONDS = 60.0
RETRY_SECONDS = "10"  # after which a client should try again
FULL_SAID = "The service has no space left for storing requests. Send the request again later."
CLOSE_NOW = "close"  # a file in the folder; every worker closes its segment when the file changes

logger = logging.getLogger("serving")


class LimitReached(Exception):
    """An exception that is raised if a record does not fit within the limit of disk space."""


@dataclass(frozen=True)
class Identity:
    """The model that a service runs: its name and version, and the digest of the image."""

    model: str
    version: str
    digest: str


@dataclass
class Counters:
    """The counters of a collector: rows written, rows and segments dropped, and requests refused."""

    rows: int = 0
    dropped_rows: int = 0
    dropped_segments: int = 0
    refused: int = 0


class Collector:
    """The collector of the requests of one worker. Create the collector after the worker was forked.

    Parameters
    ----------
    settings : Settings
        What is collected, where it is stored, and the limits.
    identity : Identity
        The model.
    schema : Schema, optional
        The schema of the image. None if the scoring script reads the bodies of requests.
    clock : callable
        The clock of the system, which can be set back: a function that returns nanoseconds since 1970.
    elapsed : callable
        A clock that is never set back: a function that returns a time in seconds.
    choose : callable
        A function that returns a random number from 0 to 1. It decides which requests are collected.

    Raises
    ------
    ValueError
        If the settings name an unknown column.
    OSError
        If the folder cannot be created.
    """

    def __init__(
        self,
        settings: Settings,
        identity: Identity,
        schema: Schema | None = None,
        *,
        clock: Callable[[], int] = time.time_ns,
        elapsed: Callable[[], float] = time.monotonic,
        choose: Callable[[], float] = random.random,
    ) -> None:
        self.counters = Counters()
        self.settings = settings
        # Only closed segments can be dropped, so the limit must hold several.
        self._segment_bytes = min(settings.segment_bytes, settings.max_bytes // 4)
        self._clock, self._elapsed, self._choose = clock, elapsed, choose
        self._packer = Packer(schema, settings.omitted, settings.hashed, settings.key)
        self._header = Header(
            model=identity.model,
            version=identity.version,
            digest=identity.digest,
            worker=str(os.getpid()),
            started=0,
            columns=self._packer.columns,
            id=self._packer.id,
            answer=schema.answer if schema else Answer(),
            share=settings.share,
        )
        self._folder = Path(settings.folder)
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._segment: SegmentWriter | None = None
        self._day, self._opened = 0, 0.0
        self._used, self._measured = 0, float("-inf")  # bytes of all segments, and when they were measured
        self._logged = float("-inf")
        self._asked = self._read_request_to_close()
        self._records: list[Record] = []
        self._rows = 0

    def pack(self, rows: Rows, ids: Ids = None) -> Stored | None:
        """Return rows and their ids in the form that `add` needs, or None if the request is not to be collected.

        Call this before the scoring script runs, because the script can change the rows.

        Raises
        ------
        Refusal
            With status 503, if the limit is reached and the policy is "refuse".
        """
        if self.settings.share < 1 and self._choose() >= self.settings.share:
            return None
        if self.settings.policy == "refuse" and self._used >= self.settings.max_bytes:
            try:
                self._make_room(1)
            except LimitReached as error:
                raise self._refuse(1, str(error)) from error
        return self._packer.pack_rows(rows), self._packer.pack_ids(ids)

    def add(self, request: str, stored: Stored, predictions: NDArray[Any]) -> None:
        """Add a scored request to the current turn. Its record is on disk after the next `flush`."""
        count, (rows, ids) = len(predictions), stored
        self._records.append(Record(request, count, rows, pack_predictions(predictions), ids))
        self._rows += count

    def flush(self) -> None:
        """Write the records of the current turn with one call of ``write``.

        Raises
        ------
        Refusal
            With status 503, if the records cannot be written and the policy is "refuse".
        """
        if not self._records:
            return
        now = self._clock()
        turn = Turn(now, self._rows, self._records)
        self._records, self._rows = [], 0
        try:
            self._write(encode_frame(encode_turn(turn)), turn.rows, now)
        except (OSError, LimitReached) as error:
            if self.settings.policy == "refuse":
                raise self._refuse(len(turn.records), str(error)) from error
            self.counters.dropped_rows += turn.rows
            self._log_loss(f"Rows dropped so far: {self.counters.dropped_rows}", str(error))
        else:
            self.counters.rows += turn.rows

    def tick(self) -> None:
        """Close the segment if it is old enough or another process requests that. Call this about once per second."""
        asked = self._read_request_to_close()
        if asked != self._asked or (self._segment and self._is_old()):
            self._close_segment()
        self._asked = asked

    def close(self) -> None:
        """Write the remaining records, and close the segment."""
        with suppress(Refusal):  # logged, and the requests of this turn were refused
            self.flush()
        self._close_segment()

    def _write(self, frame: bytes, rows: int, now: int) -> None:
        size = len(frame)
        if self._used + size > self.settings.max_bytes:
            self._make_room(size)
        while True:
            try:
                self._open_segment(size, now).append(frame, rows)
                break
            except OSError as error:
                self._close_segment()
                if error.errno not in FULL or self.settings.policy != "drop" or not self._drop_oldest():
                    raise
        self._used += size

    def _open_segment(self, size: int, now: int) -> SegmentWriter:
        segment, day = self._segment, now // DAY
        # Uploads are found by their day, so all records of a segment are of one day, even if the clock is set back.
        if segment and (self._day != day or segment.size + size > self._segment_bytes or self._is_old()):
            self._close_segment()
        if self._segment is None:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._segment = SegmentWriter(self._folder, msgspec.structs.replace(self._header, started=now))
            self._day, self._opened = day, self._elapsed()
            self._measure()
        return self._segment

    def _is_old(self) -> bool:
        return self._elapsed() - self._opened >= self.settings.segment_seconds

    def _close_segment(self) -> None:
        segment, self._segment = self._segment, None
        if segment:
            try:
                segment.close()
            except OSError as error:
                self.counters.dropped_rows += segment.rows
                logger.error("%d collected rows were lost: %s.", segment.rows, error)

    def _make_room(self, size: int) -> None:
        drops = self.settings.policy == "drop"
        if drops or self._elapsed() - self._measured >= SCAN_SECONDS:
            self._measure()
        while self._used + size > self.settings.max_bytes:
            if not (drops and self._drop_oldest()):
                raise LimitReached(f"{self._folder} has reached its limit of {self.settings.max_bytes} bytes.")

    def _measure(self) -> None:
        self._measured, self._used = self._elapsed(), measure_segments(self._folder)

    def _drop_oldest(self) -> bool:
        for path in list_segments(self._folder, CLOSED):
            with suppress(FileNotFoundError):  # it has just been uploaded
                content = path.read_bytes()
                path.unlink()
                self._used -= len(content)
                rows = measure_valid(content)[1]
                self.counters.dropped_segments += 1
                self.counters.dropped_rows += rows
                logger.warning("There is no space left, so %s with %d collected rows was deleted.", path, rows)
                return True
        return False

    def _refuse(self, requests: int, reason: str) -> Refusal:
        self.counters.refused += requests
        self._log_loss(f"Requests refused so far: {self.counters.refused}", reason)
        return Refusal(503, FULL_SAID, headers={"retry-after": RETRY_SECONDS}, reason="disk")

    def _log_loss(self, what: str, reason: str) -> None:
        if self._elapsed() - self._logged >= LOG_SECONDS:  # a full disk concerns every request
            self._logged = self._elapsed()
            logger.error("%s. They could not be collected: %s", what, reason)

    def _read_request_to_close(self) -> int:
        try:
            return os.stat(self._folder / CLOSE_NOW).st_mtime_ns
        except OSError:
            return 0
