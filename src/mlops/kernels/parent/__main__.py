"""The main program of a parent of warm kernels."""

import gc
import json
import os
import resource
import socket
import sys

from mlops.kernels.parent.importer import Importer
from mlops.kernels.parent.server import Job, ParentServer
from mlops.kernels.request import Order


def _serve(order: Order) -> Job | None:
    """Import modules and serve clients. Return None in the parent. In a fork, return the function that it must run."""
    listener = socket.socket(fileno=order.listener)
    listener.set_inheritable(False)
    listener.listen(128)  # called again, because clients see the process that last called `listen` as their peer
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    importer = Importer(order.preload, order.own, order.import_seconds)
    parent = ParentServer(listener, order.path, order.idle_seconds, importer)
    if order.owner:
        parent.follow(order.owner)
    return parent.serve()


def _unload_engine() -> None:
    # Kernels may import the engine from another folder.
    engine = ParentServer.__module__.partition(".")[0]
    for name in [name for name in sys.modules if name.partition(".")[0] == engine]:
        del sys.modules[name]


def main() -> None:
    """Detach from the process that started this one, and serve clients."""
    if os.fork():
        os._exit(0)  # the client waits for this process, so no zombie remains
    if not sys.flags.safe_path:
        del sys.path[0]  # the folder in which -m found this module
    _unload_engine()
    os.chdir("/")
    gc.disable()
    job = _serve(Order(**json.loads(sys.argv[1])))
    os._exit(job() if job else 0)


if __name__ == "__main__":
    main()
