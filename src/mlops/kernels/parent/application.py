"""ipykernel's application, which a parent prepares for all its kernels."""

import functools
import importlib.util
import logging
import os
import sys
import types
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar


class _SysWithoutModules:
    """A replacement for `sys` with empty `modules`, so that functions do not loop over all imported modules."""

    # In a fork, a loop over 5,000 modules copies memory that is shared with the parent: up to 15 ms and 18 MB.

    modules: ClassVar[Mapping[str, types.ModuleType]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(sys, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(sys, name, value)


@functools.cache
def prepare_application() -> Any:
    """Return the class of ipykernel's application, after doing the slow work of its first use.

    The parent calls this function before it forks, so that each fork already has the class and filled caches.
    """
    import zmq
    from ipykernel import ipkernel, kernelapp
    from IPython.core import shellapp

    class IPKernelApp(kernelapp.IPKernelApp):
        """ipykernel's application, which reuses facts that the parent has collected, such as the names of modules."""

        launcher = getattr(importlib.util.find_spec("ipykernel_launcher"), "origin", None)
        logs_to: ClassVar[tuple[object, object]] = (None, None)  # the configuration of its log, and standard error
        ready = -1  # the pipe on which a kernel reports that it is ready
        module_files: Sequence[str] = ()
        module_names: ClassVar[set[str]] = set()
        modules = 0  # the number of modules when the fork began

        def _configure_logging(self) -> None:
            # Configuring the log again would visit all loggers, which takes 3 ms in a fork.
            logs_to = (self.get_default_logging_config(), sys.stderr)
            if self.logging_config or logs_to != self.logs_to or not logging.getLogger(type(self).__name__).handlers:
                super()._configure_logging()
                type(self).logs_to = (None, None) if self.logging_config else logs_to
            self._logging_configured = True

        def init_kernel(self) -> None:
            # ipykernel lists the files of all modules for its debugger.
            ipkernel.sys = _SysWithoutModules()
            try:
                super().init_kernel()
            finally:
                ipkernel.sys = sys
            self.kernel._kernel_modules = self.module_files
            if debugger := getattr(self.kernel, "debugger", None):
                debugger.kernel_modules = self.module_files

        def init_code(self) -> None:
            # IPython lists the names of all modules for `%reset aggressive`, which removes modules imported later.
            shellapp.sys = _SysWithoutModules()
            try:
                super().init_code()
            finally:
                shellapp.sys = sys
            added = islice(reversed(sys.modules), max(0, len(sys.modules) - self.modules))
            self.module_names.update(added)
            self.shell._sys_modules_keys = self.module_names

        def init_heartbeat(self) -> None:
            super().init_heartbeat()
            os.write(self.ready, b"1")  # tells the client that all ports are bound
            os.close(self.ready)

    IPKernelApp().parse_command_line(["-f", ""])
    # The first access to `__annotations__` clears the attribute caches of all generic classes, so it happens here.
    for kind in {*zmq.Context.__mro__, *zmq.Socket.__mro__}:
        getattr(kind, "__annotations__", None)
    return IPKernelApp


def fill_caches() -> None:
    """Refill the caches that imports have cleared. The parent calls this function before it forks."""
    arguments: Sequence[object] = ("", 0, [], Path())
    for argument in arguments:
        isinstance(argument, Mapping)  # as logging does with the arguments of each message
