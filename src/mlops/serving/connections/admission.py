"""The admission of connections and requests: a server counts them, and refuses new ones above its limits."""

from collections import Counter
from collections.abc import Iterable
from typing import Protocol

from uvicorn.server import ServerState

from .limits import MOST_CONNECTIONS, SPARE, Limits
from .peers import Peers
from .turns import Turn

SWEEPS = 4  # the number of sweeps within the shortest time limit
LONGEST_PAUSE = 0.5  # maximum number of seconds between two sweeps


class Connection(Protocol):
    """A connection with a deadline, which is measured on the clock of the server's `Admission`."""

    deadline: float

    def expire(self) -> None:
        """Act on a deadline that has passed, and set the next deadline."""
        ...


class Admission(ServerState):
    """The state that uvicorn keeps for a server, extended by a clock and by the counts that the limits need.

    The clock advances only while the server reads what clients send. So if a script blocks the server for seconds,
    requests that arrive in this time are still read before their deadlines pass.

    Parameters
    ----------
    limits : Limits
        The limits.
    open_files : int
        The number of files that the process can open.
    turn : Turn
        The requests that are answered together.
    peers : Peers, optional
        The workers of the service; None if there is only one.
    """

    def __init__(self, limits: Limits, open_files: int, turn: Turn, peers: Peers | None = None) -> None:
        super().__init__()
        self.turn = turn
        self._peers = peers
        self.limits = limits
        self.clock = 0.0
        self.draining = False
        self.idle_seconds = limits.idle_seconds
        self.waiting = 0  # the number of requests that have arrived, but are not answered yet
        self.held = 0  # the number of bytes of requests that are not answered yet
        times = (limits.head_seconds, limits.body_seconds, limits.answer_seconds, limits.idle_seconds)
        self.pause = min(LONGEST_PAUSE, min(times) / SWEEPS)
        self.most = min(limits.connections or MOST_CONNECTIONS, open_files - 2 * SPARE)
        self._most_of_client = limits.client_connections or max(1, self.most // 4)
        self.admitted = 0  # the number of open connections that were admitted
        self._clients: Counter[str] = Counter()

    def drain(self) -> None:
        """Shorten the time for which connections may be idle, because the server is shutting down."""
        self.draining = True
        self.idle_seconds = self.limits.drain_seconds

    @property
    def refused(self) -> int:
        """The number of open connections that were not admitted."""
        return len(self.connections) - self.admitted

    def admit(self, client: str) -> bool:
        """Count a new connection from the address `client`. If a limit is reached, return False and do not count it."""
        if self._clients[client] >= self._most_of_client or self.admitted >= self.most:
            return False
        self._clients[client] += 1
        self._count(1)
        return True

    def release(self, client: str) -> None:
        """Stop counting a connection that was admitted, because it has been closed."""
        self._count(-1)
        self._clients[client] -= 1
        if not self._clients[client]:
            del self._clients[client]

    def _count(self, change: int) -> None:
        self.admitted += change
        if self._peers:
            self._peers.publish(self.admitted)

    def sweep(self, elapsed: float) -> None:
        """Advance the clock by the time since the last sweep, and expire connections whose deadline has passed."""
        self.clock += min(elapsed, 2 * self.pause)
        connections: Iterable[Connection] = self.connections  # type: ignore[assignment]  # of `protocol`
        for connection in [found for found in connections if found.deadline <= self.clock]:
            connection.expire()
