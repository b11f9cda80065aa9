"""A kernel that is started in advance, while earlier notebooks are still running."""

import os
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from queue import SimpleQueue

from jupyter_core.utils import ensure_event_loop

import mlops
from mlops.errors import MlopsError
from mlops.execution.cancel import Cancel
from mlops.execution.kernel import Kernel, open_kernel
from mlops.execution.source import find_kernel
from mlops.kernels.parent_client import find_key
from mlops.record.fingerprints import hash_sources

LAUNCH_SECONDS = 0.5  # maximum seconds to start a kernel process, unless its warm parent is still importing
Work = Callable[[Kernel | None, ExitStack], None]


class Spare:
    """A kernel for a notebook that will probably run next.

    Parameters
    ----------
    source : Path
        The path of the notebook.
    """

    # The kernel is killed if it is not needed, or if a new kernel would differ from it. One thread starts it and
    # executes the notebook, because the sockets of a kernel belong to the event loop of one thread.

    def __init__(self, source: Path) -> None:
        self.cancel = Cancel()
        self._source = source
        self._conditions = _describe_dependencies(source)
        self._is_current = False
        self._work: SimpleQueue[Work | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._live, name="spare", daemon=True)
        self._thread.start()

    def execute(self, work: Work) -> None:
        """Make the kernel's thread call `work` with the kernel, or with None if the kernel cannot be used."""
        self._is_current = self._conditions == _describe_dependencies(self._source)
        self._work.put(work)

    def discard(self) -> None:
        """Kill the kernel."""
        self._work.put(None)
        self.cancel.ask()

    def join(self) -> None:
        """Wait for the end of the kernel. If the kernel does not exist yet, wait only briefly."""
        # While the warm parent is still importing, there is no kernel. It will be killed as soon as it exists, or when
        # this process ends.
        deadline = time.monotonic() + LAUNCH_SECONDS
        while self._thread.is_alive() and (self.cancel.has_kernels or time.monotonic() < deadline):
            self._thread.join(0.01)

    def _live(self) -> None:
        # A failed shutdown of a kernel must not print a traceback. jupyter_client closes no event loop.
        with suppress(Exception), closing(ensure_event_loop()), ExitStack() as ending:
            kernel = self._start_or_none(ending) if self._conditions else None
            work = self._work.get()
            if kernel and not self._is_usable(kernel):
                with suppress(Exception):  # the work must be called even if the shutdown fails
                    kernel.kill_on_close()
                    ending.close()
                kernel = None
            if work:
                work(kernel, ending)

    def _start_or_none(self, ending: ExitStack) -> Kernel | None:
        # The error is ignored: the notebook starts a kernel again later, and reports the error then.
        # JupyterLab may be saving the notebook, and a shutdown may fail, so any error can occur.
        with suppress(Exception):
            name = find_kernel(self._source).name
            return ending.enter_context(open_kernel(name, self._source, self.cancel))
        return None

    def _is_usable(self, kernel: Kernel) -> bool:
        with suppress(Exception):  # a kernel of unknown state is not used
            return self._is_current and kernel.is_alive()
        return False


def _describe_dependencies(source: Path) -> object:
    with suppress(MlopsError, OSError, ValueError, AttributeError):  # ValueError, AttributeError: JupyterLab is saving
        key = find_key()
        engine = hash_sources(Path(mlops.__file__).parent, recent=True) if key else ""
        return find_kernel(source).name, dict(os.environ), os.getcwd(), key and key.name, engine
    return None
