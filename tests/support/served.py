"""A web service in a thread of the test."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from mlops.serving.app import Application


@contextmanager
def serve(application: Application) -> Iterator[str]:
    """Start a server in its own thread, yield its address, and stop it."""
    config = uvicorn.Config(application, http="httptools", ws="none", lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(20)
