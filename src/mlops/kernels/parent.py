"""The parent process: imports once, and forks kernels and commands on request.

It has one thread, no zmq context and no signal handlers. It forks a kernel as soon as it has imported what the kernel
needs, and imports the rest afterwards, in the order in which kernels ask for it.

.. code-block:: text

    client                               parent
    connects                 ->
                             <-          {"pid": ..., "pending": [packages]} or {"problem": ...}
    {"ask": "fork", ...} + files ->      imports what the request needs, then forks
                             <-          {"pid": ...} + pidfd
                             <-          {"exit": code}

If a connection closes, its fork is killed.
"""

import gc
import json
import os
import resource
import socket
import sys

from mlops.kernels.parent_server import Job, ParentServer
from mlops.kernels.preload import Importer
from mlops.kernels.request import Order


def _live(order: Order) -> Job | None:
    """Import the modules that the client's order lists, and serve."""
    listener = socket.socket(fileno=order.listener)
    listener.set_inheritable(False)
    listener.listen(128)  # a second time, because clients see the process that called `listen` last as their peer
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    importer = Importer(order.preload, order.own, order.import_seconds)
    parent = ParentServer(listener, order.path, order.idle_seconds, importer)
    if order.owner:
        parent.follow(order.owner)
    return parent.serve()


def main() -> None:
    """Leave the client's process tree, then serve. A fork also ends here."""
    if os.fork():
        os._exit(0)  # the client waits for this process, so no zombie remains
    if not sys.flags.safe_path:
        del sys.path[0]  # the folder in which -m found this module
    os.chdir("/")
    gc.disable()
    job = _live(Order(**json.loads(sys.argv[1])))
    os._exit(job() if job else 0)


if __name__ == "__main__":
    main()
