"""A process that a parent of warm kernels forked, with methods like those of `subprocess.Popen`."""

import contextlib
import os
import select
import signal
import subprocess
import time
from typing import IO, Any

from mlops.kernels.messages import Channel, MessageError
from mlops.kernels.stopped import LOOK_SECONDS, is_stopped, read_status


class WarmProcess:
    """A kernel or command that a parent of warm kernels forked.

    The parent kills the process when `channel` is closed.

    Parameters
    ----------
    args : list of str
        The command line of the process.
    pid : int
        The id of the process, and of its process group.
    pidfd : int
        The file descriptor that refers to the process. This object closes it.
    channel : Channel
        The channel on which the parent reports the exit code.
    """

    stdin = None

    def __init__(self, args: list[str], pid: int, pidfd: int, channel: Channel) -> None:
        self.args = args
        self.pid = pid
        self.returncode: int | None = None
        self.stdout: IO[Any] | None = None
        self.stderr: IO[Any] | None = None
        self._pidfd = pidfd
        self._channel = channel

    def fileno(self) -> int:
        """Return a descriptor that becomes readable when the process ends."""
        return self._channel.fileno()

    @property
    def has_ended(self) -> bool:
        """True if the process ended, even if the parent has not sent the exit code yet."""
        if self.returncode is not None:
            return True
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        return bool(poll.poll(0))

    def poll(self) -> int | None:
        """Return the exit code, or None while the process runs.

        If a signal ended the process, the exit code is minus the number of the signal.
        """
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the process to end, and return its exit code.

        Raises
        ------
        subprocess.TimeoutExpired
            If the process is still running after `timeout` seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while self.returncode is None:
            left = LOOK_SECONDS if deadline is None else max(0.0, deadline - time.monotonic())
            try:
                message = self._channel.wait(min(left, LOOK_SECONDS))
            except MessageError:
                if self.returncode is None:  # the parent ended, so its forks end, too
                    self._signal(signal.SIGKILL)
                    self._end(-signal.SIGKILL)
                break  # otherwise, a signal handler waited during this wait, and closed the connection
            if message:
                self._end(int(message.content["exit"]))
            elif (code := self._find_uncollected_code()) is not None:
                self._end(code)
            elif not left:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
        assert self.returncode is not None
        return self.returncode

    def _find_uncollected_code(self) -> int | None:
        """Return the exit code of an ended process if its parent is stopped and cannot report it; otherwise None."""
        status = read_status(self.pid) if self.has_ended else None
        if status is None or not is_stopped(status.parent):
            return None
        return os.waitstatus_to_exitcode(status.wait_status)

    def send_signal(self, signum: int) -> None:
        """Send a signal to the process if it is still running."""
        if self.poll() is None:
            self._signal(signum)

    def send_group(self, signum: int) -> None:
        """Send a signal to the process and to the processes that it started."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signum)

    def terminate(self) -> None:
        """Send SIGTERM to the process."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL to the process."""
        self.send_signal(signal.SIGKILL)

    def abandon(self) -> None:
        """Close the file descriptors of this object in a forked worker, which inherited them. The kernel keeps running.

        If the worker kept them open, the kernel would not end when the process that started the kernel ends.
        """
        if self.returncode is None:
            self._end(0)

    def _signal(self, signum: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signum)

    def _end(self, returncode: int) -> None:
        self.returncode = returncode
        self._channel.close()
        os.close(self._pidfd)
