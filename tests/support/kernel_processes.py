"""The kernels of a runner, both fresh and warm kernels."""

import contextlib
import time

import psutil

from mlops.kernels.socket_folder import find_folder

THREADS = 9  # a kernel that is ready has at least this many threads


def find_kernels(runner: int) -> list[psutil.Process]:
    """Return the fresh kernels of a runner, and all warm kernels, which have the command line of the tests' parent."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):  # the process ended, or has no command line yet
            fresh = process.ppid() == runner and "ipykernel_launcher" in " ".join(process.cmdline())
            warm = process.name() == "warm-kernel" and str(find_folder()) in " ".join(process.cmdline())
            if (fresh or warm) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def wait_for_kernel(runner: int, seconds: float = 300) -> psutil.Process:
    """Wait until a runner has a kernel that executes a notebook. A kernel that dies earlier is replaced."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for kernel in find_kernels(runner):
            with contextlib.suppress(psutil.Error):
                if kernel.num_threads() >= THREADS:
                    time.sleep(0.05)
                    return kernel
        if psutil.Process(runner).status() == psutil.STATUS_ZOMBIE:
            break  # for example, because the command was refused
        time.sleep(0.005)
    raise AssertionError(f"no kernel came up below process {runner}")
