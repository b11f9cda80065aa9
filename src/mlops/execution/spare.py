"""A kernel that starts while earlier notebooks are still running."""

import os
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from queue import SimpleQueue

from jupyter_client.kernelspec import NoSuchKernel

import mlops
from mlops.errors import MlopsError
from mlops.execution.cancel import Cancel
from mlops.execution.kernel import Kernel, open_kernel
from mlops.execution.source import find_kernel
from mlops.kernels.parent_client import find_key
from mlops.record.fingerprints import hash_sources

LAUNCH_SECONDS = 0.5  # time for the start of a process, unless it waits for the parent of the warm kernels
Work = Callable[[Kernel | None, ExitStack], None]


class Spare:
    """A kernel for a notebook that will probably run next.

    The thread that starts it also executes the notebook, because a kernel's sockets belong to the event loop of a
    thread. It is killed if it is not needed, or if a new kernel would differ from it.

    Parameters
    ----------
    source : Path
        The notebook.
    """

    def __init__(self, source: Path) -> None:
        self.cancel = Cancel()
        self._source = source
        self._work: SimpleQueue[Work | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._live, name="spare", daemon=True)
        self._thread.start()

    def execute(self, work: Work) -> None:
        """Call `work` in the thread of the kernel, with the kernel, or with None if it cannot be used."""
        self._work.put(work)

    def discard(self) -> None:
        """Kill the kernel."""
        self._work.put(None)
        self.cancel.ask()

    def join(self) -> None:
        """Wait for the end of the kernel.

        A kernel whose parent is still importing is not waited for. It is killed as soon as it exists, or ends with this
        process.
        """
        deadline = time.monotonic() + LAUNCH_SECONDS
        while self._thread.is_alive() and (self.cancel.has_kernels or time.monotonic() < deadline):
            self._thread.join(0.01)

    def _live(self) -> None:
        with ExitStack() as ending:
            conditions = _describe(self._source)
            kernel = self._start(ending) if conditions else None
            work = self._work.get()
            try:
                if kernel and not (work and kernel.is_alive() and conditions == _describe(self._source)):
                    kernel.kill_on_close()
                    ending.close()
                    kernel = None
            finally:
                if work:
                    work(kernel, ending)

    def _start(self, ending: ExitStack) -> Kernel | None:
        """Start the kernel. Report no error, because a start without a spare kernel reports it, too."""
        with suppress(MlopsError, NoSuchKernel, OSError):
            name = find_kernel(self._source).name
            return ending.enter_context(open_kernel(name, self._source, self.cancel))
        return None


def _describe(source: Path) -> object:
    """Return what a new kernel would start with: its kernelspec, variables, folder, parent and the engine's files.

    None if that cannot be read.
    """
    with suppress(MlopsError, OSError, ValueError):
        key = find_key()
        engine = hash_sources(Path(mlops.__file__).parent) if key else ""
        return find_kernel(source).name, dict(os.environ), os.getcwd(), key and key.name, engine
    return None
