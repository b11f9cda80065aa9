"""The class with which jupyter_client starts, watches and ends warm kernels."""

import asyncio
import logging
import os
import socket
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from jupyter_client.connect import KernelConnectionInfo, LocalPortCache, port_names
from jupyter_client.provisioning import LocalProvisioner

from mlops.kernels.launch import launch
from mlops.kernels.process import WarmProcess
from mlops.kernels.socket_folder import UnavailableError

LOG = logging.getLogger("mlops.kernels")  # the log of the kernel manager prints nothing outside of Jupyter applications
LOOK_SECONDS = 0.002  # seconds between two checks whether a kernel was launched; a launch takes at least 50 ms
_LIVE: set[WarmProcess] = set()  # like fresh kernels, these survive the deletion of their manager objects


def _abandon_inherited_kernels() -> None:
    for process in _LIVE:
        process.abandon()
    _LIVE.clear()


os.register_at_fork(after_in_child=_abandon_inherited_kernels)


class WarmProvisioner(LocalProvisioner):
    """A provisioner of jupyter_client that starts warm kernels, or fresh kernels if that fails."""

    _ending = False

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Start a kernel, wait until it has bound its ports, and return its connection info."""
        options = self._scrub_kwargs(kwargs)
        self.process = None
        try:
            if sys.platform == "linux":
                self.process = await self._launch_warm(cmd, options)
            else:
                self.log.info("Starting a fresh kernel, because warm kernels need Linux.")
        except Exception as error:  # noqa: BLE001 - a failed warm kernel must never prevent a fresh one
            LOG.warning("Starting a fresh kernel instead of a warm one. %s", error)
        if self.process is None:
            return await super().launch_kernel(cmd, **kwargs)
        _LIVE.add(self.process)
        self.pid = self.pgid = self.process.pid
        self.cwd = options.get("cwd") or os.getcwd()
        self._ending = False
        return self.connection_info

    async def _launch_warm(self, cmd: Sequence[str], options: Mapping[str, Any]) -> WarmProcess | None:
        try:
            return await _launch_in_thread(cmd, options)
        except UnavailableError:
            if not self._replace_taken_ports(options):
                raise
        return await _launch_in_thread(cmd, options)

    def _replace_taken_ports(self, options: Mapping[str, Any]) -> bool:
        # jupyter_client chooses free ports before it starts the kernel. Until the kernel binds them, any process can.
        manager = self.parent
        if not self.ports_cached or not any(_is_taken(manager.ip, getattr(manager, name)) for name in port_names):
            return False
        for name in port_names:
            setattr(manager, name, LocalPortCache.instance().find_available_port(manager.ip))
        manager.cleanup_connection_file()
        manager.write_connection_file(jupyter_session=(options.get("env") or {}).get("JPY_SESSION_NAME", ""))
        self.connection_info = manager.get_connection_info()
        return True

    async def poll(self) -> int | None:
        """Return the exit code of the kernel, or None while the kernel runs."""
        process = self.process
        if not isinstance(process, WarmProcess):
            return await super().poll()
        if process.poll() is None and (self._ending or process.has_ended):
            await _wait_readable(process.fileno(), 1.0)
        if process.poll() is not None:
            _LIVE.discard(process)
        return process.returncode

    async def send_signal(self, signum: int) -> None:
        """Send a signal to the kernel and to the processes that it started."""
        if isinstance(self.process, WarmProcess):
            self.process.send_group(signum)
        else:
            await super().send_signal(signum)

    async def shutdown_requested(self, restart: bool = False) -> None:
        """Record that jupyter_client asked the kernel to end."""
        self._ending = True

    async def kill(self, restart: bool = False) -> None:
        """Kill the kernel."""
        self._ending = True
        await super().kill(restart)

    async def terminate(self, restart: bool = False) -> None:
        """Send SIGTERM to the kernel."""
        self._ending = True
        await super().terminate(restart)


def _is_taken(ip: str, port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((ip, port))
        except OSError:
            return True
    return False


async def _launch_in_thread(cmd: Sequence[str], options: Mapping[str, Any]) -> WarmProcess | None:
    # A forked worker of a process pool may inherit this event loop, but not the threads of the loop's executor. So this
    # function starts its own thread. It polls the thread, because all workers share the pipe that would wake the loop.
    launched: Future[WarmProcess | None] = Future()

    def work() -> None:
        try:
            launched.set_result(launch(cmd, options))
        except Exception as error:  # noqa: BLE001 - raised again when the result is read
            launched.set_exception(error)

    threading.Thread(target=work, name="launch-kernel", daemon=True).start()
    while not launched.done():
        await asyncio.sleep(LOOK_SECONDS)
    return launched.result()


async def _wait_readable(descriptor: int, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    readable = loop.create_future()
    copy = os.dup(descriptor)  # each caller that waits needs its own descriptor
    loop.add_reader(copy, readable.cancel)
    try:
        await asyncio.wait([readable], timeout=seconds)
    finally:
        loop.remove_reader(copy)
        os.close(copy)
