"""The slots of a worker: a file with the worker's counts, which the other workers can read."""

import logging
import mmap
import os
import time
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..log import WORKER_NUMBER
from .declared import LAYOUT, METRICS, PID, PLACES, SIZE, STARTED, STARTS
from .processes import is_running

PREFIX = "worker-"
ITEM = 8  # bytes of a float64

logger = logging.getLogger("serving")
_identity = float(zlib.crc32(repr(METRICS).encode()))


class Worker(NamedTuple):
    """A worker: its number, whether its process is running, and its slots, which hold its counts."""

    number: str
    alive: bool
    slots: NDArray[np.float64]


def create_slots() -> "memoryview[float]":
    """Return slots in the memory of this process, which no other process can read."""
    return _begin(memoryview(bytearray(SIZE * ITEM)).cast("d"))


def open_slots(folder: Path) -> "memoryview[float]":
    """Return the slots of this worker: a file in a folder. A restarted worker continues the counts in this file.

    If the file cannot be written, because the disk is full, the slots are those of `create_slots`.
    """
    path = folder / f"{PREFIX}{int(os.environ.get(WORKER_NUMBER, '0'))}"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+b") as file:
            if os.fstat(file.fileno()).st_size != SIZE * ITEM:
                file.truncate(0)
                # Written, because a process that writes to a part of a mapped file without space on the disk is killed.
                file.write(bytes(SIZE * ITEM))
                file.flush()
            return _begin(memoryview(mmap.mmap(file.fileno(), SIZE * ITEM)).cast("d"))
    except OSError as error:
        logger.error("The metrics of this worker cannot be read by others. %s could not be written: %s", path, error)
        return create_slots()


def read_workers(folder: Path) -> list[Worker]:
    """Return the counts of all workers whose files are in a folder, sorted by number."""
    found = []
    for path in folder.glob(f"{PREFIX}*"):
        content = path.read_bytes()
        if len(content) != SIZE * ITEM:  # it is being created
            continue
        slots = np.frombuffer(content)
        if slots[PLACES[LAYOUT]] == _identity:
            found.append(Worker(path.name.removeprefix(PREFIX), is_running(int(slots[PLACES[PID]])), slots))
    return sorted(found, key=lambda worker: int(worker.number))


def _begin(slots: "memoryview[float]") -> "memoryview[float]":
    if slots[PLACES[LAYOUT]] != _identity:  # the file is new, or another version of this code wrote it
        for place in range(SIZE):
            slots[place] = 0.0
        slots[PLACES[LAYOUT]] = _identity
    slots[PLACES[PID]] = os.getpid()
    slots[PLACES[STARTED]] = time.time()
    slots[PLACES[STARTS]] += 1
    return slots
