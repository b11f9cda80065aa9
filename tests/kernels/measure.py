"""The figures of docs/kernels.md: fresh kernels and warm ones. Run ``.venv/bin/python tests/kernels/measure.py``."""

import os
import statistics
import subprocess
import time
from typing import Any

import psutil
from jupyter_client.manager import KernelManager

from mlops.kernels.parent_client import connect, find_key, start_parent
from mlops.kernels.running_parents import list_parents

KERNELS = 9
IMPORT = "import pandas, sklearn.linear_model, mlflow, matplotlib.pyplot, numpy as np"
FIT = "sklearn.linear_model.Ridge().fit(np.random.rand(442, 10), np.random.rand(442))"


def start(warm: bool) -> tuple[KernelManager, Any]:
    """Start a kernel that answers."""
    manager = KernelManager()
    environ = {**os.environ, "MLOPS_WARM_KERNELS": str(int(warm))}
    manager.start_kernel(env=environ, stderr=subprocess.DEVNULL)
    client = manager.client()
    client.start_channels()
    client.kernel_info()
    while client.get_shell_msg(timeout=60)["msg_type"] != "kernel_info_reply":
        pass
    return manager, client


def run(client: Any, code: str) -> None:
    """Run code and wait for its end."""
    client.execute_interactive(code, output_hook=lambda message: None)


def measure_times(warm: bool) -> tuple[float, ...]:
    """Return the milliseconds of start, imports and shutdown of one kernel."""
    times = [time.perf_counter()]
    manager, client = start(warm)
    times.append(time.perf_counter())
    client.wait_for_ready(timeout=60)
    waited = time.perf_counter() - times[-1]
    run(client, IMPORT)
    times.append(time.perf_counter())
    client.stop_channels()
    manager.shutdown_kernel()
    times.append(time.perf_counter())
    first, second, third = (1000 * (end - begin) for begin, end in zip(times, times[1:], strict=False))
    return first, second - 1000 * waited, third


def measure_memory(warm: bool, kernels: int = 4) -> tuple[float, float]:
    """Return the megabytes (PSS) of each kernel after a fit, and of the parent."""
    running = [start(warm) for _ in range(kernels)]
    for _, client in running:
        run(client, f"{IMPORT}\n{FIT}")
    pids = [manager.provisioner.process.pid for manager, _ in running]
    each = statistics.mean(psutil.Process(pid).memory_full_info().pss for pid in pids) / 2**20
    parent = sum(found.memory for found in list_parents() if found.forks) / 2**20
    for manager, client in running:
        client.stop_channels()
        manager.shutdown_kernel()
    return each, parent


if __name__ == "__main__":
    os.environ["MLOPS_KERNELS_OWNER"] = str(os.getpid())
    began = time.perf_counter()
    key = find_key()
    if key is None:
        raise SystemExit("warm kernels are switched off")
    start_parent(key)
    while (connection := connect(key, start=False)) is None:
        time.sleep(0.05)
    connection.channel.close()
    print(f"parent: {time.perf_counter() - began:.1f} s until it has imported everything")
    for warm in (False, True):
        times = zip(*(measure_times(warm) for _ in range(KERNELS)), strict=True)
        answer, imports, shutdown = (statistics.median(column) for column in times)
        memory, parent = measure_memory(warm)
        print(
            f"{'warm' if warm else 'fresh'}: answers after {answer:.0f} ms, imports {imports:.0f} ms, shutdown "
            f"{shutdown:.0f} ms, {memory:.0f} MB each of four, parent {parent:.0f} MB"
        )
