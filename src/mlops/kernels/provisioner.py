"""The kernel provisioner that the kernelspec names: jupyter_client calls it to start, watch and end kernels."""

import asyncio
import logging
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning import LocalProvisioner

from mlops.kernels.launch import launch
from mlops.kernels.process import WarmProcess

LOG = logging.getLogger("mlops.kernels")  # not the manager's, which says nothing outside of a Jupyter application
LOOK_SECONDS = 0.002  # between two looks whether a kernel has been launched; that takes 50 ms and more
_LIVE: set[WarmProcess] = set()  # a kernel outlives its manager object, as a fresh one does


def _abandon_kernels() -> None:
    """In a fork of this process: leave the kernels to this process, with which they end."""
    for process in _LIVE:
        process.abandon()
    _LIVE.clear()


os.register_at_fork(after_in_child=_abandon_kernels)


class WarmProvisioner(LocalProvisioner):
    """Forks kernels from a warm parent; where that is not possible, starts fresh ones."""

    _ending = False

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Start a kernel; it has bound its ports when this returns."""
        options = self._scrub_kwargs(kwargs)
        self.process = None
        try:
            if sys.platform == "linux":
                self.process = await _launch_aside(cmd, options)
            else:
                self.log.info("A fresh kernel is started: warm ones need Linux")
        except Exception as error:  # noqa: BLE001 - warm kernels make things faster; they never make a kernel fail
            LOG.warning("A fresh kernel is started, not a warm one: %s", error)
        if self.process is None:
            return await super().launch_kernel(cmd, **kwargs)
        _LIVE.add(self.process)
        self.pid = self.pgid = self.process.pid
        self.cwd = options.get("cwd") or os.getcwd()
        self._ending = False
        return self.connection_info

    async def poll(self) -> int | None:
        """Return the exit code, None while it runs. An end that was asked for is waited for: nobody has to poll."""
        process = self.process
        if not isinstance(process, WarmProcess):
            return await super().poll()
        if process.poll() is None and self._ending:
            await _wait_readable(process.fileno(), 1.0)
        if process.poll() is not None:
            _LIVE.discard(process)
        return process.returncode

    async def send_signal(self, signum: int) -> None:
        """Send a signal to the kernel and its processes."""
        if isinstance(self.process, WarmProcess):
            self.process.send_group(signum)
        else:
            await super().send_signal(signum)

    async def shutdown_requested(self, restart: bool = False) -> None:
        """Hear that the kernel was asked to end."""
        self._ending = True

    async def kill(self, restart: bool = False) -> None:
        """Kill the kernel."""
        self._ending = True
        await super().kill(restart)

    async def terminate(self, restart: bool = False) -> None:
        """Ask the kernel to end by a signal."""
        self._ending = True
        await super().terminate(restart)


async def _launch_aside(cmd: Sequence[str], options: Mapping[str, Any]) -> WarmProcess | None:
    """Launch a kernel in a thread, so that a parent which imports for seconds does not block the loop.

    A worker that was forked by a process which has run a notebook inherits its loop. The threads of the loop's own
    executor are gone there, and its wake-up pipe is shared with the other workers, so a thread could not wake it.
    That is why the thread is a new one, and is waited for with a timer.
    """
    launched: Future[WarmProcess | None] = Future()

    def work() -> None:
        try:
            launched.set_result(launch(cmd, options))
        except Exception as error:  # noqa: BLE001 - it is raised where the result is asked for
            launched.set_exception(error)

    threading.Thread(target=work, name="launch-kernel", daemon=True).start()
    while not launched.done():
        await asyncio.sleep(LOOK_SECONDS)
    return launched.result()


async def _wait_readable(descriptor: int, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    readable = loop.create_future()
    copy = os.dup(descriptor)  # several may wait
    loop.add_reader(copy, readable.cancel)
    try:
        await asyncio.wait([readable], timeout=seconds)
    finally:
        loop.remove_reader(copy)
        os.close(copy)
