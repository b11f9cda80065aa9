"""Functions that start the sender of a service, and open the reporters of its workers."""

import logging
import sys
from pathlib import Path

from ..collection.children import ChildProcess
from .pipe import FILE, PipeWriter, create_pipe
from .reporter import Reporter
from .settings import CONNECTION_STRING, read_connection_string, read_share

logger = logging.getLogger("serving")


def start_sender(bundle: Path, folder: Path, connection_string: str) -> ChildProcess | None:
    """Start the sender of a service, or return None if there is no valid connection string.

    Parameters
    ----------
    bundle, folder : Path
        The folder of the image, and the folder with the metrics of the service.
    connection_string : str
        The connection string of an Application Insights resource; empty to report nothing.
    """
    if not connection_string:
        return None
    try:
        read_connection_string(connection_string)
    except ValueError as error:  # a service that cannot report still scores
        logger.error("Nothing is reported to Application Insights. %s", error)
        return None
    create_pipe(folder)
    command = [sys.executable, "-B", "-m", __package__, "--bundle", str(bundle), "--metrics", str(folder)]
    return ChildProcess(command, {CONNECTION_STRING: connection_string})


def open_reporter(folder: Path) -> Reporter:
    """Return the reporter of a worker. It reports nothing if the service has no sender.

    `folder` has the metrics of the service.
    """
    path = folder / FILE
    return Reporter(PipeWriter(path), read_share()) if path.exists() else Reporter()
