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

START_SECONDS = 120  # time for a kernel to become ready


@dataclass(frozen=True)
class Kernel:
    """A kernel that is ready for a cell.

    Only the thread that opened it can use it, because its sockets belong to that thread's event loop.

    Parameters
    ----------
    manager : PromptManager
        Its process.
    client : PromptClient
        The connection to it.
    starter : NotebookClient
        The client that started it, and that ends it.
    """

    manager: PromptManager
    client: PromptClient
    starter: NotebookClient

    def is_alive(self) -> bool:
        """Return whether its process still runs."""
        return bool(run_sync(self.manager.is_alive)())

    def end_soon(self) -> None:
        """Ask it to end, without waiting."""
        if self.is_alive():
            run_sync(self.manager.request_shutdown)()

    def kill_on_close(self) -> None:
        """Have it killed when its block ends, because it has executed nothing."""
        self.starter.shutdown_kernel = "immediate"


@contextmanager
def open_kernel(name: str, source: Path, cancel: Cancel) -> Iterator[Kernel]:
    """Start a kernel, and wait until it is ready. It ends with the block.

    Parameters
    ----------
    name : str
        The name of its kernelspec.
    source : Path
        Its notebook, from which a parent of warm kernels reads what the kernel imports.
    cancel : Cancel
        Lets another thread kill it.

    Raises
    ------
    StepFailed
        If it did not start.
    NoSuchKernel
        If it is not installed.
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
            except Exception as error:  # jupyter_client and zmq may fail in any way
                cancel.check()
                raise StepFailed(f"The kernel did not start: {error}{log.find_last()}") from error
            with starter.setup_kernel(cleanup_kc=True):
                yield Kernel(manager, client, starter)
        finally:
            if manager.has_kernel:  # interrupted
                run_sync(manager.shutdown_kernel)(now=True)
            cancel.release(manager)
