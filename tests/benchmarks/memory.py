"""The memory of kernels, as their proportional share (PSS), in which shared memory is divided among its users."""

from pathlib import Path
from subprocess import DEVNULL

import psutil
from jupyter_client.manager import KernelManager

from benchmarks.measure import Row, Summary, summarize
from benchmarks.processes import make_environ, warm_up
from benchmarks.scratch import Section
from mlops.kernels.running_parents import list_parents

KERNELS = 4
WORK = """\
import pandas as pd
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
frame = load_diabetes(as_frame=True).frame
model = Ridge().fit(frame.drop(columns="target"), frame["target"])
"""


def measure_memory(rounds: int) -> Section:
    """Four kernels at once, each after a fit: fresh ones, then warm ones with their parent."""
    fresh = _measure_kernels("0")
    warm_up(make_environ(), Path.cwd())
    idle = _measure_parent()
    warm = _measure_kernels("1")
    rows = [
        Row("a fresh kernel", "MB", {"PSS": summarize(fresh)}, KERNELS),
        Row("a warm kernel", "MB", {"PSS": summarize(warm[:-1])}, KERNELS, "while three others run"),
        _make_row("its parent, meanwhile", warm[-1]),
        _make_row("its parent, alone", idle),
        _make_row("four fresh kernels", sum(fresh)),
        _make_row("four warm kernels and their parent", sum(warm)),
    ]
    return Section(
        "Memory", tuple(rows), notes=("each kernel has imported pandas and scikit-learn and fitted a ridge",)
    )


def _measure_kernels(switch: str) -> list[float]:
    """Return the MB of each kernel and, if the kernels are warm, of their parent."""
    environ = {**make_environ(), "MLOPS_WARM_KERNELS": switch}
    started = []
    for _ in range(KERNELS):
        manager = KernelManager(kernel_name="python3")
        manager.start_kernel(env=environ, stdout=DEVNULL, stderr=DEVNULL)
        client = manager.client()
        client.start_channels()
        started.append((manager, client))
        client.wait_for_ready(timeout=60)
        client.execute_interactive(WORK, timeout=60, output_hook=lambda message: None)
    found = [_measure(manager.provisioner.process.pid) for manager, _ in started]
    if switch == "1":
        found.append(_measure_parent())
    for manager, client in started:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    return found


def _measure_parent() -> float:
    (parent,) = list_parents()
    return _measure(parent.pid)


def _measure(pid: int) -> float:
    return float(psutil.Process(pid).memory_full_info().pss) / 1e6


def _make_row(label: str, number: float) -> Row:
    return Row(label, "MB", {"PSS": Summary(number, number, number)}, 1)
