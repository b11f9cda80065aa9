"""Start the server for a bundle: ``python -m serving --bundle FOLDER --keys FILE --port 0 --ready FILE``."""

# This process becomes the supervisor of the service; see `serving.workers`. When its workers are ready, it writes the
# file that `--ready` names. It ends when this file is deleted. It also ends if its standard input is closed before a
# line arrives.

# The process that starts the server sends this line after it has recorded the server. So if that process dies earlier,
# no server is left behind.

import argparse
import logging
import sys
from pathlib import Path

from .connections.limits import list_options
from .failures import StartFailed
from .log import configure_log, make_stream
from .workers.launch import list_worker_options, supervise, work_apart
from .workers.starting import APART, FAILING, WORKER, decode_channels, read_mode


def read_options() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog="serving", formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True, help="folder with the image's content")
    parser.add_argument("--keys", type=Path, required=True, help="JSON file with the service's keys")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ready", type=Path, required=True, help="file to create once the service is ready")
    for name, kind, default, text in (*list_options(), *list_worker_options()):
        parser.add_argument(name, type=kind, default=default, help=text)
    return parser.parse_args()


def main() -> None:
    options = read_options()
    sys.stdout, sys.stderr = make_stream(1), make_stream(2)
    configure_log()
    mode, inherited = read_mode()
    try:
        if mode in (WORKER, FAILING):
            work_apart(options, decode_channels(inherited), failing=mode == FAILING)
        else:
            sys.exit(supervise(options, apart=mode == APART))
    except StartFailed as failed:
        logging.error("%s", failed)
        sys.exit(1)


if __name__ == "__main__":
    main()
