"""uvicorn's server, with limits for clients, and with a shutdown that loses no request."""

import asyncio
import socket

import uvicorn

from ..app import Application
from ..metrics.declared import CONNECTIONS, HELD, IN_FLIGHT, WAITING, Metric
from .admission import Admission
from .limits import Limits, raise_open_files
from .listener import accept_waiting
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
    """

    def __init__(self, application: Application, limits: Limits, listener: socket.socket) -> None:
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
        self.server_state: Admission = Admission(limits, raise_open_files(), Turn(application))
        self._application = application
        self._listener = listener
        application.recorder.watch(self._measure)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to answer requests."""
        self._listener.setblocking(False)
        await super().startup([self._listener])
        self._sweeper = asyncio.create_task(self._sweep())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish the requests that have begun, including those of connections that are not accepted yet."""
        if self._application.state == "ready":
            self._application.state = "draining"
        self.server_state.drain()
        waiting = [*accept_waiting(self._listener)]
        for server in self.servers:
            server.close()
        loop = asyncio.get_running_loop()
        connected = [loop.connect_accepted_socket(self._make_connection, accepted) for accepted in waiting]
        self._connecting = asyncio.gather(*connected)
        await super().shutdown()

    def _make_connection(self) -> QuickConnection:
        return QuickConnection(self.config, self.server_state, self.lifespan.state)

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
