"""A web service in a thread of the test."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from mlops.serving.app import Application
from mlops.serving.connections.limits import Limits
from mlops.serving.connections.protocol import Connection
from mlops.serving.connections.quick import QuickConnection
from mlops.serving.connections.server import Server

DEFAULTS = Limits()


@contextmanager
def serve(
    application: Application, limits: Limits = DEFAULTS, connection: type[Connection] = QuickConnection
) -> Iterator[str]:
    """Start a server with a class of connections in its own thread, yield its address, and stop it."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    server = Server(application, limits, listener)
    server.config.http = connection
    thread = threading.Thread(target=server.run)
    thread.start()
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(20)
