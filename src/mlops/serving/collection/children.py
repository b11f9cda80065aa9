"""The processes beside a service, such as the uploader: child processes, which are restarted if they die."""

import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from ..failures import StartFailed
from .settings import Folders, read_settings

RESTART_SECONDS = 2.0  # minimum time between two starts
ROOT = Path(__file__).parents[__package__.count(".") + 1]  # the folder of the outermost package
NO_VARIABLES: Mapping[str, str] = MappingProxyType({})


class ChildProcess:
    """A process beside a service. Its standard input closes when the service ends, even if the service is killed.

    Parameters
    ----------
    command : sequence of str
        The command that starts the process.
    variables : mapping of str to str
        Environment variables for the process, in addition to those of this process.
    elapsed : callable
        A clock that is never set back: a function that returns a time in seconds.
    """

    def __init__(
        self,
        command: Sequence[str],
        variables: Mapping[str, str] = NO_VARIABLES,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._command = command
        self._variables = variables
        self._elapsed = elapsed
        self._started = 0.0
        self.starts = 0
        self._process: subprocess.Popen[bytes] | None = None
        self.check()

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid if self._process else 0

    def check(self) -> None:
        """Start the process if it is not running, but at most once in `RESTART_SECONDS`."""
        if self._process and self._process.poll() is None:
            return
        if self._process and self._elapsed() - self._started < RESTART_SECONDS:
            return
        self._started = self._elapsed()
        self.starts += 1
        variables = {**os.environ, **self._variables}
        self._process = subprocess.Popen(self._command, cwd=ROOT, stdin=subprocess.PIPE, env=variables)

    def close(self) -> None:
        """Tell the process to finish its work and end, but return without waiting for it."""
        if self._process and self._process.stdin:
            self._process.stdin.close()


def wait_for_parent(seconds: float) -> bool:
    """Wait in a child process for the given time, or until its service ends, and return whether the service ended."""
    ready, _, _ = select.select([sys.stdin], [], [], seconds)
    return bool(ready) and not os.read(sys.stdin.fileno(), 1)


class UploaderProcess(ChildProcess):
    """The uploader of a service. When the service ends, it uploads the remaining segments, and ends.

    Parameters
    ----------
    settings : Path
        The file with the settings of the collection.
    command : sequence of str
        The command that starts the uploader; empty to run it with the Python of this process.
    folders : Folders, optional
        The folders of the service. Without them, the uploader counts nothing.
    elapsed : callable
        A clock that is never set back: a function that returns a time in seconds.
    """

    def __init__(
        self,
        settings: Path,
        command: Sequence[str] = (),
        folders: Folders | None = None,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        program = command or (sys.executable, "-B", "-m", __package__)
        options = ["--bundle", str(folders.bundle), "--metrics", str(folders.metrics)] if folders else []
        super().__init__([*program, "--settings", str(settings), "--with-parent", *options], elapsed=elapsed)


def start_uploader(settings: Path | None, folders: Folders) -> UploaderProcess | None:
    """Start the uploader of a service and return it, or return None if the service collects nothing.

    Parameters
    ----------
    settings : Path, optional
        The file with the settings.
    folders : Folders
        The folders of the image and of the metrics.

    Raises
    ------
    StartFailed
        If the settings are wrong.
    """
    if settings is None:
        return None
    try:
        return UploaderProcess(settings, read_settings(settings).uploader, folders)
    except ValueError as error:
        raise StartFailed(f"The collection cannot start. {error}") from error
