"""The memory and the sockets with which the workers of a service distribute connections."""

# This module does not import numpy, because a supervisor that does not load the model imports it.

import os
import socket
import sys
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import NamedTuple

ITEM = 8  # bytes of a number in the table
PRESENT, TAKEN, SENT = 0, 1, 2  # columns of the table


class Box(NamedTuple):
    """The two ends of a pair of sockets, over which a worker gets connections from the others."""

    inlet: socket.socket
    outlet: socket.socket


@dataclass(frozen=True)
class Board:
    """The memory and the sockets that the workers share.

    The table has a row for each worker, which only this worker writes. The first column is the number of its open
    connections plus 1, or 0 if it takes no more. The second is the number of connections that it took from its box.
    The others, one for each worker, are the numbers of connections that it put into their boxes.

    The supervisor, too, holds the sockets. So a connection in the box of a worker that died waits for the next worker
    with its number.

    Parameters
    ----------
    table : int
        The descriptor of a file with the table.
    boxes : tuple of Box
        The box of each worker.
    """

    table: int
    boxes: tuple[Box, ...]

    def forget(self, number: int) -> None:
        """Record that a worker died, so that it gets no more connections."""
        place = number % len(self.boxes)
        os.pwrite(self.table, bytes(ITEM), place * _measure_row(len(self.boxes)))

    def list_descriptors(self) -> list[int]:
        """Return all descriptors, for `rebuild_board`."""
        return [self.table, *(end.fileno() for box in self.boxes for end in box)]


def make_board(workers: int) -> Board:
    """Return a board for a number of workers, of which none is present yet."""
    places = 2 * workers  # the successor of a worker that is leaving has a different number
    table = make_file("workers")
    os.truncate(table, places * _measure_row(places))
    return Board(table, tuple(_open_box(*socket.socketpair()) for _ in range(places)))


def make_file(name: str) -> int:
    """Return the descriptor of an empty file without a path. On Linux, it is in memory, under `name`."""
    if sys.platform == "linux":
        return os.memfd_create(name)
    with TemporaryFile() as file:
        return os.dup(file.fileno())


def rebuild_board(descriptors: list[int]) -> Board:
    """Return a board from its descriptors, which this process has inherited."""
    table, *ends = descriptors
    sockets = [socket.socket(fileno=end) for end in ends]
    return Board(table, tuple(map(_open_box, sockets[::2], sockets[1::2])))


def _open_box(inlet: socket.socket, outlet: socket.socket) -> Box:
    inlet.setblocking(False)
    outlet.setblocking(False)
    return Box(inlet, outlet)


def _measure_row(places: int) -> int:
    return (SENT + places) * ITEM
