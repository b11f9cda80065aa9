"""The named pipe in which the workers of a service report, and from which the sender reads."""

import fcntl
import os
import select
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from .reports import AnyReport, LossReport, decode_report, encode_report

FILE = "telemetry.pipe"  # in the folder with the metrics of a service
SIZE = 1 << 20  # bytes; about 6,000 requests


class PipeWriter:
    """The end of the pipe to which a worker writes. Writing never waits.

    Parameters
    ----------
    path : Path
        The pipe.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = _open(path)
        self._lost = 0

    def write(self, report: AnyReport) -> None:
        """Write a report, or lose it if the pipe is full. Before the next report, write how many were lost."""
        line = encode_report(report)
        if self._lost:
            line = encode_report(LossReport(self._lost)) + line
        # Several workers write to the pipe. Only writes up to PIPE_BUF bytes are never mixed, and never incomplete.
        if len(line) <= select.PIPE_BUF:
            with suppress(BlockingIOError):
                os.write(self._descriptor, line)
                self._lost = 0
                return
        self._lost += 1

    def close(self) -> None:
        """Close the pipe."""
        os.close(self._descriptor)


class PipeReader:
    """The end of the pipe from which the sender reads.

    Parameters
    ----------
    path : Path
        The pipe.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = _open(path)
        if sys.platform == "linux":  # macOS cannot change the size of a pipe
            with suppress(OSError):  # the user already has too many pipes
                fcntl.fcntl(self._descriptor, fcntl.F_SETPIPE_SZ, SIZE)
        self._rest = b""

    def fileno(self) -> int:
        """Return the descriptor, for `select`."""
        return self._descriptor

    def read(self) -> Iterator[AnyReport]:
        """Yield the reports in the pipe, without waiting for more."""
        with suppress(BlockingIOError):
            while chunk := os.read(self._descriptor, SIZE):
                *lines, self._rest = (self._rest + chunk).split(b"\n")
                for line in lines:
                    with suppress(msgspec.DecodeError):  # another version of this code wrote it
                        yield decode_report(line)

    def close(self) -> None:
        """Close the pipe."""
        os.close(self._descriptor)


def create_pipe(folder: Path) -> Path:
    """Create the pipe in a folder, unless it exists, and return its path."""
    path = folder / FILE
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with suppress(FileExistsError):
        os.mkfifo(path, 0o600)
    return path


def _open(path: Path) -> int:
    # For reading and writing, because a pipe that is only opened for writing needs a reader, and one that is only
    # opened for reading is at its end when the last writer closes it.
    return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
