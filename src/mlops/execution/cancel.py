"""The cancellation of executions from another thread."""

import os
import signal
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING

from mlops.errors import StepFailed

if TYPE_CHECKING:
    from jupyter_client.manager import KernelManager


class Cancel:
    """A signal that ends the execution of all notebooks that use it, even of those that begin later."""

    def __init__(self) -> None:
        self._asked = False
        self._lock = Lock()
        self._kernels: list[KernelManager] = []

    def ask(self) -> None:
        """End all executions that use this signal: kill their kernels and the processes that the kernels started."""
        with self._lock:
            self._asked = True
            kernels = tuple(self._kernels)
        for kernel in kernels:
            group = getattr(kernel.provisioner, "pgid", None)
            if group:
                with suppress(ProcessLookupError):
                    os.killpg(group, signal.SIGKILL)

    def watch(self, kernel: "KernelManager") -> None:
        """Register a kernel that is starting or running, so that `ask` can kill it."""
        with self._lock:
            self._kernels.append(kernel)
        self.check()

    def release(self, kernel: "KernelManager") -> None:
        """Remove a kernel that is no longer running."""
        with self._lock:
            self._kernels.remove(kernel)

    @property
    def has_kernels(self) -> bool:
        """True if a registered kernel has a process."""
        with self._lock:
            return any(kernel.has_kernel for kernel in self._kernels)

    def check(self) -> None:
        """Raise StepFailed if `ask` was called."""
        if self._asked:
            raise StepFailed("interrupted")
