"""The overhead before and after a notebook's cells, measured with a notebook that prints when its first cell began."""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook
from papermill import execute_notebook

from benchmarks.eight import KERNEL
from benchmarks.goals import Figure
from benchmarks.measure import Row, summarize
from benchmarks.notebooks import IMPORTS
from benchmarks.processes import OWNED, PYTHON, keep_parents_apart, silence_errors, warm_up
from benchmarks.scratch import Section, make_scratch
from mlops.execution.notebook import execute

CALLS = 5  # a round
CLOCK = "import time\nprint(time.time_ns())"
OURS, PAPERMILL = "mlops.execution.notebook.execute", "papermill.execute_notebook"
Execute = Callable[[Path, Path], None]


def measure_overhead(rounds: int) -> Section:
    """Measure one notebook at a time, in a process that has already imported everything that it needs."""
    taken: dict[str, list[tuple[float, float]]] = {}
    with make_scratch() as scratch, silence_errors():
        source, output = _write_clock(Path(scratch, "clock.ipynb")), Path(scratch, "out.ipynb")
        os.environ.update(OWNED)
        warm_up(os.environ, Path.cwd())
        for counted in (False, *[True] * CALLS * rounds):
            for name, call in {OURS: _execute, PAPERMILL: _execute_by_papermill}.items():
                for kind, switch in {"warm kernel": "1", "fresh kernel": "0"}.items():
                    os.environ["MLOPS_WARM_KERNELS"] = switch
                    times = _measure(call, source, output)
                    if counted:
                        taken.setdefault(f"{name}, {kind}", []).append(times)
        os.environ["MLOPS_WARM_KERNELS"] = "1"
        for _ in range(rounds):
            with keep_parents_apart():
                taken.setdefault(f"{OURS}, cold parent", []).append(_measure(_execute, source, output))
        importing = _write_clock(Path(scratch, "importing.ipynb"), IMPORTS)
        for _ in range(rounds):
            with keep_parents_apart():
                taken.setdefault(COLD_IMPORTS, []).append(_measure(_execute, importing, output))
            taken.setdefault(NEW_PROCESS, []).append(_measure_process())
    rows = {label: _make_row(label, times) for label, times in taken.items()}
    first = {label: row.columns["to first cell"].median for label, row in rows.items()}
    figures = (
        Figure("overhead", "warm", "wall", first[f"{OURS}, warm kernel"]),
        Figure("imports", "cold", "wall", first[COLD_IMPORTS] / first[NEW_PROCESS]),
    )
    notes = (
        "a notebook of one cell; whole: until the call returns, with the kernel ended and the copy saved",
        "imports: the cell first imports what each of the eight notebooks imports, and its end is measured",
    )
    return Section("Overhead of a notebook", tuple(rows.values()), figures, notes)


COLD_IMPORTS, NEW_PROCESS = f"{OURS}, cold, imports", "python -c, imports"


def _write_clock(path: Path, imports: str = "") -> Path:
    """Write a notebook of one cell, which prints the time after its imports."""
    cells = [new_code_cell(f"{imports}\n{CLOCK}".strip())]
    nbformat.write(new_notebook(cells=cells, metadata=KERNEL), path)
    return path


def _measure_process() -> tuple[float, float]:
    """Return the milliseconds until a new process has the imports, and until it has ended."""
    began = time.time_ns()
    shown = subprocess.run([PYTHON, "-c", f"{IMPORTS}\n{CLOCK}"], capture_output=True, text=True, check=True).stdout
    return (int(shown) - began) / 1e6, (time.time_ns() - began) / 1e6


def _execute(source: Path, output: Path) -> None:
    execute(source, output, {}, seconds=120)


def _execute_by_papermill(source: Path, output: Path) -> None:
    execute_notebook(source, output, progress_bar=False)


def _measure(call: Execute, source: Path, output: Path) -> tuple[float, float]:
    """Return the milliseconds until the first cell began, and those of the whole execution."""
    began = time.time_ns()
    call(source, output)
    ended = time.time_ns()
    (shown,) = nbformat.read(output, as_version=4).cells[0].outputs
    return (int(shown.text) - began) / 1e6, (ended - began) / 1e6


def _make_row(label: str, times: list[tuple[float, float]]) -> Row:
    first, whole = zip(*times, strict=True)
    return Row(label, "ms", {"to first cell": summarize(first), "whole": summarize(whole)}, len(times))
