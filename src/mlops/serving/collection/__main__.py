"""Upload the segments of a folder: ``python -m serving.collection --settings FILE``."""

# With `--with-parent`, the program ends when its standard input closes, that is, when the service that started it ends.
# Before that, it uploads what is left.

import argparse
import logging
import os
import random
import re
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from ..log import configure_log
from ..metrics.tally import Tally
from .children import wait_for_parent
from .segments import hold_folder
from .settings import read_settings
from .uploader import FAILED, UPLOADS, Uploader

if TYPE_CHECKING:
    from .distributions import DistributionCounter

POLL_SECONDS = 1.0
LONGEST_PAUSE = 60.0  # seconds between two attempts while the store is unavailable
LAST_PAUSES = (1.0, 2.0, 4.0)  # the same for the last upload: most interruptions of a store are over by then
LAST_SECONDS = 10.0  # after which the last upload is not tried again. A store can take minutes to fail
RETRIED = "The upload failed and will be retried in %.0f s: %s"
ACTIVE = "uploader.lock"  # the lock that allows only one uploader per folder

logger = logging.getLogger("serving")


class Ending(Exception):
    """An exception that is raised when a termination signal arrives."""


def upload_until_closed(uploader: Uploader, *, with_parent: bool) -> None:
    """Upload segments until the parent ends or a signal arrives, then upload the remaining segments."""
    pause = POLL_SECONDS
    try:
        while True:
            pause = try_upload(uploader, pause)
            if wait_for_end(pause * random.uniform(0.8, 1.2), with_parent=with_parent):
                break
    except Ending:
        pass
    try:
        upload_last(uploader)
    except Exception as error:  # noqa: BLE001 - a file system of fsspec can raise any error
        logger.warning("The last upload failed. The rows stay on this machine. %s", describe_error(error))


def try_upload(uploader: Uploader, pause: float) -> float:
    """Upload all closed segments, and return the pause before the next attempt, which doubles after each failure."""
    try:
        uploader.run()
    except Ending:
        raise
    except Exception as error:  # noqa: BLE001 - a file system of fsspec can raise any error
        uploader.tally.add({FAILED: 1})
        longer = min(2 * pause, LONGEST_PAUSE)
        logger.warning(RETRIED, longer, describe_error(error))
        return longer
    return POLL_SECONDS


def upload_last(
    uploader: Uploader, wait: Callable[[float], None] = time.sleep, elapsed: Callable[[], float] = time.monotonic
) -> int:
    """Upload all closed segments, and return their number. After a failure, wait and try again, up to three times.

    Raises
    ------
    Exception
        If the last attempt fails: the error of the store.
    """
    began, pauses = elapsed(), iter(LAST_PAUSES)
    while True:
        try:
            return uploader.run()
        except (Ending, ImportError, ValueError):  # a wrong URL or a missing package does not change
            raise
        except Exception as error:
            uploader.tally.add({FAILED: 1})
            pause = next(pauses, 0.0)
            if not pause or elapsed() - began > LAST_SECONDS:
                raise
            logger.warning(RETRIED, pause, describe_error(error))
        wait(pause)


def upload_once(uploader: Uploader, wait: Callable[[float], None] = time.sleep) -> int:
    """Upload all closed segments, log the result, and return the exit code of the program."""
    try:
        done = upload_last(uploader, wait)
    except Exception as error:  # noqa: BLE001 - a file system of fsspec can raise any error
        logger.error("The upload failed. Run the command again. %s", describe_error(error))
        return 1
    logger.info("Uploaded segments: %d.", done)
    return 0


def describe_error(error: Exception) -> str:
    """Return the class and first line of an error, without the query strings of URLs, which can contain signatures."""
    said = str(error).splitlines()
    return re.sub(r"\?\S*", "", f"{type(error).__name__}: {said[0] if said else ''}")[:300]


def wait_for_end(seconds: float, *, with_parent: bool) -> bool:
    """Wait for the given time, or until the parent ends, and return whether it ended."""
    if with_parent:
        return wait_for_parent(seconds)
    time.sleep(seconds)
    return False


def open_counter(bundle: Path, folder: Path) -> "DistributionCounter":
    """Return the object that counts the values in closed segments; see `DistributionCounter`."""
    from .distributions import DistributionCounter

    return DistributionCounter(bundle, folder)


def main() -> int:
    """Run the program, and return its exit code."""
    parser = argparse.ArgumentParser(prog="serving.collection")
    parser.add_argument("--settings", type=Path, required=True, help="JSON file with the settings of the collection")
    parser.add_argument("--with-parent", action="store_true", help="end when the standard input closes")
    parser.add_argument("--once", action="store_true", help="upload all closed segments, and end")
    parser.add_argument("--bundle", type=Path, help="folder with the image's content")
    parser.add_argument(
        "--metrics", type=Path, help="folder in which to count uploads; also counts the values of the rows"
    )
    options = parser.parse_args()
    configure_log()
    logging.getLogger("azure").setLevel(logging.WARNING)  # it logs the headers of each request at the level info
    os.nice(10)  # the service has priority
    settings = read_settings(options.settings)
    folder = Path(settings.folder)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if options.once:
        return upload_once(Uploader(settings))
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        with hold_folder(folder, ACTIVE, wait=False) as held:
            if held:
                counter = open_counter(options.bundle, folder) if options.metrics else None
                tally = Tally(options.metrics / UPLOADS) if options.metrics else None
                uploader = Uploader(settings, counter=counter, tally=tally)
                upload_until_closed(uploader, with_parent=options.with_parent)
                return 0
        # the uploader of the previous service is still finishing
        if wait_for_end(POLL_SECONDS, with_parent=options.with_parent):
            return 0


def _end(number: int, frame: FrameType | None) -> None:
    raise Ending


if __name__ == "__main__":
    sys.exit(main())
