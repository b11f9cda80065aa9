"""Replacements for the manager and client of jupyter_client. They use private sockets and avoid fixed delays."""

import time
from collections.abc import Mapping
from queue import Empty
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager
from traitlets import Type
from traitlets.config import Config

ANSWER_SECONDS = 1.0  # seconds without an answer, after which the request is repeated


class PromptClient(AsyncKernelClient):
    """A client that connects to its kernel without a fixed delay."""

    # The client of jupyter_client waits until the kernel has sent no message for 0.2 s. This is unnecessary, because
    # the status "idle" is always the last message for a request.

    language_info: Mapping[str, Any] = MappingProxyType({})  # sent by the kernel when it is ready

    async def _async_wait_for_ready(self, timeout: float | None = None) -> None:
        deadline = time.monotonic() + (timeout or float("inf"))
        while time.monotonic() < deadline:
            if await self._wait_until_idle(self.kernel_info()):
                return
            if not await self._async_is_alive():
                raise RuntimeError("it died before it was ready")
        raise RuntimeError(f"it was not ready after {timeout} seconds")

    wait_for_ready = _async_wait_for_ready

    async def _wait_until_idle(self, request: str) -> bool:
        answered = False
        try:
            while True:
                channel = self.iopub_channel if answered else self.shell_channel
                message: dict[str, Any] = await channel.get_msg(timeout=1.0 if answered else ANSWER_SECONDS)
                if message["parent_header"].get("msg_id") != request:
                    continue
                if not answered:
                    self._handle_kernel_info_reply(message)
                    self.language_info = message["content"].get("language_info", {})
                    answered = True
                elif message["content"].get("execution_state") == "idle":
                    return True
        except Empty:
            return False


class PromptManager(AsyncKernelManager):
    """A manager whose clients are of the class `PromptClient`."""

    # The manager of jupyter_client waits 10 ms after each start and each shutdown. This manager does not.

    client_factory = Type(klass=PromptClient)
    shutting_down: bool

    async def _async_start_kernel(self, **options: Any) -> None:
        command, rest = await self._async_pre_start_kernel(**options)
        await self._async_launch_kernel(command, **rest)
        await self._async_post_start_kernel(**rest)

    start_kernel = _async_start_kernel

    async def _async_request_shutdown(self, restart: bool = False) -> None:
        if not self.shutting_down:
            self.shutting_down = True
            await super()._async_request_shutdown(restart)

    request_shutdown = _async_request_shutdown

    async def _async_shutdown_kernel(self, now: bool = False, restart: bool = False) -> None:
        """End the kernel without interrupting it first."""
        # An interrupted idle kernel would print a traceback.
        if now:
            await self._async_kill_kernel()
        else:
            await self._async_request_shutdown(restart)
            await self._async_finish_shutdown(restart=restart)
        await self._async_cleanup_resources(restart)

    shutdown_kernel = _async_shutdown_kernel


def make_socket_folder() -> "TemporaryDirectory[str]":
    """Create and return a private folder with a short path, for the sockets of a kernel."""
    # The path of a socket can have at most 107 characters.
    usual = TemporaryDirectory(prefix="mlops-", ignore_cleanup_errors=True)
    if len(usual.name) < 80:
        return usual
    usual.cleanup()
    return TemporaryDirectory(prefix="mlops-", dir="/tmp", ignore_cleanup_errors=True)


def talk_privately(folder: str) -> Config:
    """Return a configuration with which a kernel listens on sockets in a private folder."""
    # Over TCP, any user of the machine could connect to the kernel.
    return Config({"KernelManager": {"transport": "ipc", "ip": f"{folder}/kernel"}})
