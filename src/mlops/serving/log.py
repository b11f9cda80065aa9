"""The log of the service: lines of JSON, whose size and rate are limited."""

# A line has the fields "time" (UTC), "level", "message", and if they apply "worker" (its number) and "error". What a
# scoring script prints is in the log as it is.

import fcntl
import io
import json
import logging
import os
import shutil
import stat
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TextIO

from .failures import describe_failure

LOG_BYTES = 16 << 20  # size at which a log is copied and emptied
PERIOD = 60.0  # seconds
MOST_EQUAL = 10  # equal messages in a period: enough to see that they repeat
MOST = 500  # messages in a period
WORKER_NUMBER = "MLOPS_WORKER"  # the variable with the number of a worker, from 0
LEFT_OUT = " Similar messages are suppressed for up to a minute."


def configure_log() -> None:
    """Write the log to the standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(RateLimit())
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def make_stream(descriptor: int) -> TextIO:
    """Return a stream of text that loses what cannot be written to a file, because the disk is full.

    Otherwise, ``print`` would raise an error, and each request would fail if the scoring script prints something.
    """
    raw: Any = _Lossy(descriptor)
    return io.TextIOWrapper(raw, "utf-8", "backslashreplace", line_buffering=True, write_through=True)


class _Lossy(io.RawIOBase):
    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def write(self, data: Any) -> int:
        with suppress(OSError):
            os.write(self._descriptor, data)
        return len(data)


class JsonFormatter(logging.Formatter):
    """A formatter that writes a log record as a line of JSON, and describes exceptions without their messages."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line: dict[str, object] = {"time": time, "level": record.levelname.lower(), "message": record.getMessage()}
        if number := os.environ.get(WORKER_NUMBER):
            line["worker"] = int(number)
        if record.exc_info and record.exc_info[1]:
            line["error"] = describe_failure(record.exc_info[1])
        return json.dumps(line)


def read_line(line: str) -> dict[str, object]:
    """Return the fields of a line of the log. A line without fields, such as a script's output, is the "message"."""
    with suppress(ValueError):
        found = json.loads(line)
        if isinstance(found, dict) and "message" in found:
            return found
    return {"message": line}


def describe_line(line: str) -> str:
    """Return a line of the log as text for people."""
    found = read_line(line)
    worker = f"worker {found['worker']}" if "worker" in found else ""
    error = f"\n    {found['error']}" if "error" in found else ""
    named = [str(found.get("time", "")), str(found.get("level", "")), worker, str(found["message"])]
    return "  ".join(filter(None, named)) + error


class RateLimit(logging.Filter):
    """A filter that limits the number of equal messages, and of all messages, in each period of one minute.

    Parameters
    ----------
    clock : callable
        Returns the time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._ends = clock() + PERIOD
        self._counts: Counter[tuple[str, str]] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to write a message. Messages with the same format string count as equal."""
        if self._clock() >= self._ends:
            self._counts.clear()
            self._ends = self._clock() + PERIOD
        written = self._counts.total()
        if written >= MOST:
            return False
        kind = (record.name, str(record.msg))
        if self._counts[kind] >= MOST_EQUAL:
            return False
        self._counts[kind] += 1
        if self._counts[kind] == MOST_EQUAL or written + 1 == MOST:
            record.msg, record.args = record.getMessage() + LEFT_OUT, ()
        return True


def shorten_log(descriptor: int) -> None:
    """Copy a log file of more than `LOG_BYTES` bytes to a file with the suffix ``.1``, and then empty the log.

    The log is not renamed, because the scoring script can also print to it.
    """
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_size <= LOG_BYTES:
        return
    with suppress(OSError):  # it was deleted, the disk is full, or the system has no such path
        path = os.readlink(f"/proc/self/fd/{descriptor}")
        if os.path.samestat(os.stat(path), found):
            shutil.copyfile(path, f"{path}.1")
    fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) | os.O_APPEND)
    os.ftruncate(descriptor, 0)
