"""Start the server for a bundle: ``python -m serving --bundle FOLDER --keys FILE --port 0 --ready FILE``."""

# When the server is ready, it writes the file that `--ready` names. It ends when this file is deleted. It also ends if
# its standard input is closed before a line arrives.

# The process that starts the server sends this line after it has recorded the server. So if that process dies earlier,
# no server is left behind.

import argparse
import asyncio
import json
import logging
import os
import socket
import sys
from pathlib import Path

import uvicorn

from .app import Application
from .identity import read_identity
from .schema import read_schema
from .scoring import Scorer
from .script import load_script

WATCH_SECONDS = 5.0


class Server(uvicorn.Server):
    """A uvicorn server that ends when the file that ``--ready`` names is deleted."""

    def __init__(self, config: uvicorn.Config, ready: Path, port: int) -> None:
        super().__init__(config)
        self._ready = ready
        self._port = port

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        scratch = self._ready.with_suffix(".new")
        scratch.write_text(json.dumps({"pid": os.getpid(), "port": self._port}))
        scratch.rename(self._ready)
        asyncio.get_running_loop().add_reader(sys.stdin, self._hear_starter)
        self._watcher = asyncio.create_task(self._watch())

    def _hear_starter(self) -> None:
        asyncio.get_running_loop().remove_reader(sys.stdin)
        if not sys.stdin.readline():
            logging.warning("The process that started this service ended. Shutting down.")
            self.should_exit = True

    async def _watch(self) -> None:
        while self._ready.exists():
            await asyncio.sleep(WATCH_SECONDS)
        logging.warning("%s was deleted. Shutting down.", self._ready)
        self.should_exit = True


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that is bound to the port, even while the previous service still listens on it."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # otherwise, an answer waits 40 ms for an ACK
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        sys.exit(f"Could not use port {port} ({error.strerror}). Choose another port, or 0 for any free port.")
    return listener


def main() -> None:
    parser = argparse.ArgumentParser(prog="serving")
    parser.add_argument("--bundle", type=Path, required=True, help="folder with the image's content")
    parser.add_argument("--keys", type=Path, required=True, help="JSON file with the service's keys")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ready", type=Path, required=True, help="file to create once the service is ready")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    identity = read_identity(options.bundle)
    os.environ["AZUREML_MODEL_DIR"] = str(options.bundle / "model")
    script = load_script(options.bundle / "score.py")
    listener = bind(options.host, options.port)
    keys = list(json.loads(options.keys.read_text()).values())
    config = uvicorn.Config(
        Application(Scorer(script.run, read_schema(options.bundle)), keys, identity),
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
    )
    port = listener.getsockname()[1]
    logging.info("%s on port %s", identity, port)
    asyncio.run(Server(config, options.ready, port).serve(sockets=[listener]))


if __name__ == "__main__":
    main()
