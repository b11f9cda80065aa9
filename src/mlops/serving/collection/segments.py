"""Segments: append-only files, which are closed at a certain size or age, and recovered after a crash.

.. code-block:: text

    .NAME.new      is being created; contains no record yet. `mlops data forget` writes to other names with a dot
    NAME.open      a worker appends to it, and holds its lock
    NAME.segment   is closed; does not change any more
    NAME.damaged   is closed and damaged; the part that can be read was uploaded

The name begins with the time when the segment was created.
"""

import fcntl
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from .frames import encode_frame, read_frames
from .layout import Header, Turn, count_rows, decode_header, decode_turn, encode_header

OPEN, CLOSED, DAMAGED = ".open", ".segment", ".damaged"
NAME = re.compile(r"(\d{4})(\d\d)(\d\d)T\d{6}\.\d{6}Z-[0-9a-f]{16}")
TIME = "%Y%m%dT%H%M%S.%fZ"
LOCK = "lock"
STALE_SECONDS = 60.0  # an older file that is still being created is left over from a crash


def name_segment(moment: int) -> str:
    """Return a new name for a segment that begins at the given time, in nanoseconds since 1970."""
    began = datetime.fromtimestamp(moment // 1_000_000_000, UTC)
    return f"{began:%Y%m%dT%H%M%S}.{moment // 1000 % 1_000_000:06d}Z-{secrets.token_hex(8)}"


def find_day(name: str) -> str:
    """Return the day of a segment's records, such as "2026-11-27", or "" if `name` is not that of a segment."""
    found = NAME.match(name)
    return "-".join(found.groups()) if found else ""


def find_time(name: str) -> float:
    """Return the time when a segment was created, in seconds since 1970."""
    return datetime.strptime(name.partition("-")[0], TIME).replace(tzinfo=UTC).timestamp()


class SegmentWriter:
    """A segment that a worker appends to.

    Parameters
    ----------
    folder : Path
        The folder of the segments.
    header : Header
        The header of the new segment.

    Raises
    ------
    OSError
        If the segment cannot be created.
    """

    # The lock on the file shows other processes that the worker is alive. The operating system releases it when the
    # worker dies, so the file must be opened after a fork.

    def __init__(self, folder: Path, header: Header) -> None:
        self.name = name_segment(header.started)
        self.rows = 0
        self.size = 0
        self._path = folder / f"{self.name}{OPEN}"
        scratch = folder / f".{self.name}.new"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._handle = os.open(scratch, flags, 0o600)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._write(encode_frame(encode_header(header)))
            os.rename(scratch, self._path)
        except OSError:
            os.close(self._handle)
            scratch.unlink(missing_ok=True)
            raise

    def append(self, frame: bytes, rows: int) -> None:
        """Append a frame. `rows` is the number of rows in the frame.

        Raises
        ------
        OSError
            If the frame cannot be written. The segment is then unchanged.
        """
        self._write(frame)
        self.rows += rows

    def close(self) -> None:
        """Close the segment. A segment without rows is deleted.

        Raises
        ------
        OSError
            If the file has been deleted in the meantime.
        """
        try:
            if self.rows:
                os.rename(self._path, self._path.with_name(self.name + CLOSED))
            else:
                self._path.unlink()
        finally:
            os.close(self._handle)

    def _write(self, frame: bytes) -> None:
        done = 0
        try:
            while done < len(frame):
                done += os.write(self._handle, frame[done:] if done else frame)
        except OSError:
            # Readers stop at an incomplete frame, so no other frame must follow it.
            os.ftruncate(self._handle, self.size)
            raise
        self.size += len(frame)


@dataclass(frozen=True)
class Segment:
    """The content of a segment.

    Parameters
    ----------
    header : Header
        The header.
    turns : list of Turn
        The turns in the order in which they were written, which is not always the order of their times.
    is_whole : bool
        False if the file has bytes that could not be read.
    """

    header: Header
    turns: list[Turn]
    is_whole: bool


def decode_segment(content: bytes) -> Segment | None:
    """Return the readable part of a segment, or None if not even the header can be read."""
    frames = read_frames(content)
    first = next(frames, None)
    if first is None:
        return None
    header, end = decode_header(first[0]), first[1]
    turns = []
    for payload, position in frames:
        turns.append(decode_turn(payload))
        end = position
    return Segment(header, turns, end == len(content))


def measure_valid(content: bytes) -> tuple[int, int]:
    """Return the size of the readable part of a segment in bytes, and the number of rows in this part."""
    size = rows = 0
    for number, (payload, end) in enumerate(read_frames(content)):
        rows += count_rows(payload) if number else 0
        size = end
    return size, rows


def list_segments(folder: Path, *endings: str) -> list[Path]:
    """Return the paths of a folder's segments that have one of the given `endings`, sorted by name."""
    found = (path for ending in endings for path in folder.glob(f"*{ending}"))
    return sorted(path for path in found if NAME.fullmatch(path.stem))


def measure_segments(folder: Path) -> int:
    """Return the size of all segments in a folder, in bytes."""
    size = 0
    with suppress(FileNotFoundError), os.scandir(folder) as entries:  # takes half the time of `list_segments`
        for entry in entries:
            name, _, ending = entry.name.rpartition(".")
            if f".{ending}" in (OPEN, CLOSED, DAMAGED) and NAME.fullmatch(name):
                with suppress(FileNotFoundError):
                    size += entry.stat().st_size
    return size


def recover_orphans(folder: Path, now: float | None = None) -> list[Path]:
    """Close the segments of workers that died, and return their new paths.

    An incomplete frame at the end of a segment is removed, because the requests in it were never answered. `now` is
    the time in seconds since 1970.
    """
    now = time.time() if now is None else now
    for path in folder.glob(".*"):
        with suppress(OSError):
            if abs(now - path.stat().st_mtime) > STALE_SECONDS:
                path.unlink()
    found = (_recover(path) for path in list_segments(folder, OPEN))
    return [path for path in found if path]


def _recover(path: Path) -> Path | None:
    try:
        with open(path, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.path.samestat(path.stat(), os.fstat(file.fileno())):
                return None
            size, rows = measure_valid(file.read())
            if not rows:
                path.unlink()
                return None
            file.truncate(size)
            return path.rename(path.with_suffix(CLOSED))
    except (BlockingIOError, FileNotFoundError):  # the worker is alive, or has just closed the segment
        return None


@contextmanager
def hold_folder(folder: Path, name: str = LOCK, *, wait: bool = True) -> Iterator[bool]:
    """Try to lock a folder of segments for a ``with`` statement, and yield whether the lock is held.

    Parameters
    ----------
    folder : Path
        The folder.
    name : str
        The name of the lock's file.
    wait : bool
        Whether to wait for another process that holds the lock.
    """
    with open(folder / name, "ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True
