"""The workers of a service, which hand connections to each other, so that all have about as many of them."""

# All workers accept connections from one queue. The kernel does not distribute them evenly: one of four idle workers
# accepted 32 of 32 connections. So a worker that accepts a connection, but has more of them than another worker, hands
# it over, which costs 25 us. If it instead left such a connection in the queue for 5 ms, 2 workers answered only 400 of
# 4,000 requests per second from clients that connect for each request. A socket for each worker (SO_REUSEPORT) would
# distribute connections by chance, and lose those in the queue of a worker that dies.

import asyncio
import mmap
import os
import socket
from collections.abc import Callable

import numpy as np

from .board import PRESENT, SENT, TAKEN, Board

FULL = 1 << 40  # more connections than a worker can have


class Peers:
    """The workers of a service, as one of them sees them.

    Parameters
    ----------
    board : Board
        What the workers share.
    number : int
        The number of this worker.
    """

    def __init__(self, board: Board, number: int) -> None:
        self._boxes = board.boxes
        self._place = number % len(board.boxes)
        self._table = np.frombuffer(mmap.mmap(board.table, 0), np.int64).reshape(len(board.boxes), -1)
        self._own = self._table[self._place]
        self._count = 0  # the open connections of this worker
        self._taking: set[asyncio.Task[None]] = set()  # connections from the box that are not counted there yet
        self._left = False

    @property
    def open_files(self) -> int:
        """The number of file descriptors that the boxes and the table use."""
        return 1 + 2 * len(self._boxes)

    def open(self, make_connection: Callable[[], asyncio.Protocol]) -> None:
        """Start to take connections from the box of this worker, and tell the other workers that it is present.

        Parameters
        ----------
        make_connection : callable
            A function that returns the protocol of a connection.
        """
        self._make_connection = make_connection
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._boxes[self._place].outlet, self._take)
        self.publish(0)

    def publish(self, count: int) -> None:
        """Tell the other workers how many connections this one has."""
        self._count = count
        self._own[PRESENT] = 0 if self._left else 1 + count + len(self._taking)

    def leave(self) -> None:
        """Tell the other workers to hand over no connection to this one any more."""
        self._left = True
        self.publish(self._count)

    def arrive(self) -> "Arrival":
        """Return the protocol of a newly accepted connection. It is replaced when a worker is chosen; see `place`."""
        return Arrival(self)

    def place(self, transport: asyncio.Transport) -> None:
        """Hand over a connection that this worker has accepted, or keep it if no other worker has fewer."""
        if not self._left and self._hand_over(transport.get_extra_info("socket").fileno()):
            transport.abort()
            return
        connection = self._make_connection()
        transport.set_protocol(connection)
        connection.connection_made(transport)

    def _hand_over(self, descriptor: int) -> bool:
        table = self._table
        loads = table[:, PRESENT] - table[:, TAKEN] + table[:, SENT:].sum(axis=0)
        loads[table[:, PRESENT] == 0] = FULL
        best = int(loads.argmin())
        if loads[best] >= loads[self._place]:
            return False
        self._own[SENT + best] += 1
        try:
            socket.send_fds(self._boxes[best].inlet, [b"\0"], [descriptor])
        except OSError:  # the box is full
            self._own[SENT + best] -= 1
            return False
        return True

    def _take(self) -> None:
        try:
            _, descriptors, _, _ = socket.recv_fds(self._boxes[self._place].outlet, 1, 1)
        except OSError:  # this worker is replaced, and its successor has the same box
            return
        self._own[TAKEN] += 1
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
            task = self._loop.create_task(self._connect(socket.socket(fileno=descriptor)))
            self._taking.add(task)
            task.add_done_callback(self._finish)
        self.publish(self._count)

    async def _connect(self, accepted: socket.socket) -> None:
        accepted.setblocking(False)
        await self._loop.connect_accepted_socket(self._make_connection, accepted)

    def _finish(self, task: "asyncio.Task[None]") -> None:
        self._taking.discard(task)
        self.publish(self._count)


class Arrival(asyncio.Protocol):
    """The protocol of a connection until a worker is chosen for it."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Choose a worker."""
        self._peers.place(transport)
