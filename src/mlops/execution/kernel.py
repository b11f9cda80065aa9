"""The kernel of one notebook: its process, and the connection to it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from jupyter_client.kernelspec import NoSuchKernel
from jupyter_core.utils import run_sync
from nbclient import NotebookClient
from nbformat.v4 import new_notebook

from mlops.errors import StepFailed
from mlops.execution.cancel import Cancel
from mlops.execution.client import PromptClient, PromptManager, make_socket_folder, talk_privately
from mlops.execution.kernel_log import open_log
from mlops.kernels.needs import NOTEBOOK

START_SECONDS = 120  # seconds in which a kernel must become ready


@dataclass(frozen=True)
class Kernel:
    """A kernel that is ready to execute cells. Only the thread that opened it can use it.

    Parameters
    ----------
    manager : PromptManager
        The manager of the kernel's process.
    client : PromptClient
        The connection to the kernel.
    starter : NotebookClient
        The object of nbclient that starts and ends the kernel.
    """

    # The sockets of the kernel belong to the event loop of that thread.

    manager: PromptManager
    client: PromptClient
    starter: NotebookClient

    def is_alive(self) -> bool:
        """Return whether the process of the kernel still runs."""
        return bool(run_sync(self.manager.is_alive)())

    def end_soon(self) -> None:
        """Ask the kernel to end, without waiting for its end."""
        if self.is_alive():
            run_sync(self.manager.request_shutdown)()

    def kill_on_close(self) -> None:
        """Mark the kernel as unused, so that closing it kills it at once instead of asking it to shut down."""
        self.starter.shutdown_kernel = "immediate"


@contextmanager
def open_kernel(name: str, source: Path, cancel: Cancel) -> Iterator[Kernel]:
    """Start a kernel, and yield it when it is ready. The kernel ends at the end of the ``with`` statement.

    Parameters
    ----------
    name : str
        The name of the kernelspec.
    source : Path
        The notebook that the kernel will execute.
    cancel : Cancel
        A signal with which another thread can kill the kernel.

    Raises
    ------
    StepFailed
        If the kernel does not start.
    NoSuchKernel
        If the kernel is not installed.
    """
    with make_socket_folder() as sockets, open_log(sockets) as log:
        starter = NotebookClient(
            new_notebook(),
            kernel_name=name,
            kernel_manager_class=PromptManager,
            startup_timeout=START_SECONDS,
            config=talk_privately(sockets),
        )
        manager = starter.create_kernel_manager()
        try:
            cancel.watch(manager)
            try:
                starter.start_new_kernel(env={**os.environ, NOTEBOOK: str(source)}, **log.streams)
                cancel.check()
                client = starter.start_new_kernel_client()
            except (NoSuchKernel, StepFailed):
                raise
            except Exception as error:  # jupyter_client or zmq may raise any error
                cancel.check()
                raise StepFailed(f"The kernel did not start: {error}{log.find_last()}") from error
            with starter.setup_kernel(cleanup_kc=True):
                yield Kernel(manager, client, starter)
        finally:
            if manager.has_kernel:  # the start was interrupted
                run_sync(manager.shutdown_kernel)(now=True)
            cancel.release(manager)
