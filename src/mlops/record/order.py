"""The order in which runs started, which is right even if the clock was set back between two runs."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from mlops.errors import IntegrityError
from mlops.files.records import read_record

NAME_TIME = "%Y%m%d-%H%M%S"  # the format of the time at the beginning of a generated run id
NAME_LENGTH = 15
Place = tuple[int, str, str]


@dataclass(frozen=True)
class Start:
    """The fields of a run's record that say when the run started."""

    order: int = 0
    started: str = ""
    submitted: str = ""


def take_order(records: Iterable[Path], clock: Callable[[], int] = time.time_ns) -> int:
    """Return the number of a run that starts now. The number is larger than those of all earlier runs.

    Parameters
    ----------
    records : iterable of Path
        The records of the runs that started earlier: ``run.json`` files.
    clock : callable
        A function that returns the nanoseconds since 1970.
    """
    # If the clock was set back, this is the largest earlier number plus 1.
    newest = max((find_place(path)[0] for path in records), default=0)
    return max(clock() // 1000, newest + 1)


def sort_records(records: Iterable[Path]) -> list[Path]:
    """Return the paths of records, sorted by the start of their runs, newest first."""
    return sorted(records, key=find_place, reverse=True)


def find_place(record: Path) -> Place:
    """Return the sort key for the path of a record. Such keys sort records by the start of their runs."""
    # For a damaged record, the key is the time in the run's id.
    try:
        found = record.stat()
    except OSError:
        return 0, "", record.parent.name
    return _read_place_cached(record, found.st_mtime_ns, found.st_size, found.st_ino)


@lru_cache(maxsize=10_000)
def _read_place_cached(record: Path, modified: int, size: int, inode: int) -> Place:
    name = record.parent.name
    start = _read_start(record)
    times = (_to_micros(start.started or start.submitted), _to_micros(name[:NAME_LENGTH], NAME_TIME), modified // 1000)
    order = start.order if start.order > 0 else next(time for time in times if time)
    return order, name[:NAME_LENGTH], name.rpartition("-")[2]


def _read_start(record: Path) -> Start:
    try:
        return read_record(record, Start)
    except (OSError, IntegrityError):
        return Start()


def _to_micros(text: str, form: str = "%Y-%m-%dT%H:%M:%SZ") -> int:
    try:
        return int(datetime.strptime(text, form).replace(tzinfo=UTC).timestamp() * 1_000_000)
    except ValueError:
        return 0
