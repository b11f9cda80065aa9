"""The end of executions, asked for from another thread."""

import os
import signal
from contextlib import suppress
from threading import Lock

from jupyter_client.manager import KernelManager

from mlops.errors import StepFailed


class Cancel:
    """Ends every execution that was given it, those that run and those that begin later."""

    def __init__(self) -> None:
        self._asked = False
        self._lock = Lock()
        self._kernels: list[KernelManager] = []

    def ask(self) -> None:
        """End them: their kernels are killed, with what these have started."""
        with self._lock:
            self._asked = True
            kernels = tuple(self._kernels)
        for kernel in kernels:
            group = getattr(kernel.provisioner, "pgid", None)
            if group:
                with suppress(ProcessLookupError):
                    os.killpg(group, signal.SIGKILL)

    def watch(self, kernel: KernelManager) -> None:
        """Take charge of a kernel that is about to start, or has started."""
        with self._lock:
            self._kernels.append(kernel)
        self.check()

    def release(self, kernel: KernelManager) -> None:
        """Leave alone a kernel that is no longer running."""
        with self._lock:
            self._kernels.remove(kernel)

    def check(self) -> None:
        """Raise StepFailed if it was asked for."""
        if self._asked:
            raise StepFailed("interrupted")
