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

from .app import Application
from .collection.opening import open_collection
from .connections.limits import Limits, list_options
from .connections.listener import bind
from .connections.server import Server
from .documents import read_documents
from .entry.scorer import open_scorer
from .identity import read_identity
from .log import configure_log, shorten_log
from .metrics.page import MetricsPage
from .metrics.recorder import Recorder
from .metrics.slots import open_slots
from .schema import read_schema
from .script import load_script

WATCH_SECONDS = 5.0


class Service(Server):
    """A server that ends when the file that ``--ready`` names is deleted."""

    def __init__(self, application: Application, limits: Limits, listener: socket.socket, ready: Path) -> None:
        super().__init__(application, limits, listener)
        self.successor = 0  # until the starter confirms this server, the previous server stays
        self._ready = ready
        self._port = listener.getsockname()[1]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        scratch = self._ready.with_suffix(".new")
        scratch.write_text(json.dumps({"pid": os.getpid(), "port": self._port}))
        scratch.rename(self._ready)
        asyncio.get_running_loop().add_reader(sys.stdin, self._hear_starter)
        self._watcher = asyncio.create_task(self._watch())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        self._application.close()

    def _hear_starter(self) -> None:
        asyncio.get_running_loop().remove_reader(sys.stdin)
        if sys.stdin.readline():
            self.successor = 1
        else:
            logging.warning("The process that started this service ended. Shutting down.")
            self.should_exit = True

    async def _watch(self) -> None:
        while self._ready.exists():
            shorten_log(sys.stderr.fileno())
            await asyncio.sleep(WATCH_SECONDS)
        logging.warning("%s was deleted. Shutting down.", self._ready)
        self.should_exit = True


def read_options() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog="serving", formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True, help="folder with the image's content")
    parser.add_argument("--keys", type=Path, required=True, help="JSON file with the service's keys")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ready", type=Path, required=True, help="file to create once the service is ready")
    for name, kind, default, text in list_options():
        parser.add_argument(name, type=kind, default=default, help=text)
    return parser.parse_args()


def main() -> None:
    options = read_options()
    configure_log()
    identity = read_identity(options.bundle)
    os.environ["AZUREML_MODEL_DIR"] = str(options.bundle / "model")
    script = load_script(options.bundle / "score.py")
    listener = bind(options.host, options.port)
    keys = list(json.loads(options.keys.read_text()).values())
    schema = read_schema(options.bundle)
    collector = open_collection(identity, schema)
    counted = options.ready.with_name("metrics")
    recorder = Recorder(open_slots(counted))
    scorer = open_scorer(script, schema, collector.pack if collector else None, recorder)
    if collector:
        recorder.watch(collector.measure)
    metrics = MetricsPage(recorder, identity, counted, [collector.describe] if collector else ())
    application = Application(scorer, keys, identity, read_documents(options.bundle), collector, metrics)
    limits = Limits(**{name: getattr(options, name) for name in Limits.__dataclass_fields__})
    logging.info("%s on port %s", identity, listener.getsockname()[1])
    Service(application, limits, listener, options.ready).run()


if __name__ == "__main__":
    main()
