"""The kernels of a runner, fresh ones and warm ones alike."""

import contextlib
import time

import psutil

WARM_PARENT = "mlops.kernels.parent"


def find_kernels(runner: int) -> list[psutil.Process]:
    """Return the kernels below a runner, and the warm ones: tests share no parent with anybody else."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):  # between fork and exec it has no command line, or it is gone
            words = " ".join(process.cmdline())
            above = process.parent()
            fresh = "ipykernel_launcher" in words and process.ppid() == runner
            warm = above is not None and WARM_PARENT in words and WARM_PARENT in " ".join(above.cmdline())
            if (fresh or warm) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def wait_for_kernel(runner: int, seconds: float = 60) -> psutil.Process:
    """Wait until a runner has a kernel."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for kernel in find_kernels(runner):
            return kernel
        time.sleep(0.005)
    raise AssertionError(f"no kernel came up below process {runner}")
