"""uvicorn's server, with limits for clients, and with a shutdown that loses no request."""

import asyncio
import socket
from collections.abc import Callable

import uvicorn

from ..app import Application
from ..metrics.declared import CONNECTIONS, HELD, IN_FLIGHT, WAITING, Metric
from .admission import Admission
from .limits import Limits, keep_freed_memory, raise_open_files
from .listener import accept_waiting
from .peers import Peers
from .quick import QuickConnection
from .turns import Turn

SHUTDOWN_SECONDS = 10  # less than 15 s, after which the command that replaces a server kills it


class Server(uvicorn.Server):
    """A server that listens on one port.

    Parameters
    ----------
    application : Application
        The application.
    limits : Limits
        The limits for clients.
    listener : socket
        A socket that is bound to the port.
    peers : Peers, optional
        The workers that accept connections from the same socket; None if there is only this server.
    """

    def __init__(
        self, application: Application, limits: Limits, listener: socket.socket, peers: Peers | None = None
    ) -> None:
        config = uvicorn.Config(
            application,
            loop="uvloop",
            http=QuickConnection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        )
        super().__init__(config)
        keep_freed_memory()
        open_files = raise_open_files() - (peers.open_files if peers else 0)
        self.server_state: Admission = Admission(limits, open_files, Turn(application), peers)
        self._application = application
        self._peers = peers
        self._listener = listener
        application.recorder.watch(self._measure)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to answer requests."""
        await super().startup([])
        self._listener.setblocking(False)
        make: Callable[[], asyncio.Protocol] = self._make_connection
        if self._peers:
            self._peers.open(self._make_connection)
            make = self._peers.arrive
        loop = asyncio.get_running_loop()
        self.servers.append(await loop.create_server(make, sock=self._listener, backlog=self.config.backlog))
        self._sweeper = asyncio.create_task(self._sweep())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish the requests that have begun, including those of connections that are not accepted yet."""
        if self._application.state == "ready":
            self._application.state = "draining"
        self.server_state.drain()
        if self._peers:
            self._peers.leave()
        waiting = [*accept_waiting(self._listener)]
        for server in self.servers:
            server.close()
        loop = asyncio.get_running_loop()
        connected = [loop.connect_accepted_socket(self._make_connection, accepted) for accepted in waiting]
        self._connecting = asyncio.gather(*connected)
        await super().shutdown()

    def _make_connection(self) -> asyncio.Protocol:
        make: Callable[..., asyncio.Protocol] = self.config.http_protocol_class
        return make(self.config, self.server_state, self.lifespan.state)

    def _measure(self) -> dict[Metric, float]:
        state = self.server_state
        return {
            CONNECTIONS: state.admitted,
            IN_FLIGHT: len(state.tasks),
            WAITING: state.waiting,
            HELD: state.held,
        }

    async def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        before = loop.time()
        while True:
            await asyncio.sleep(self.server_state.pause)
            now = loop.time()
            self.server_state.sweep(now - before)
            self._application.recorder.refresh()
            before = now
