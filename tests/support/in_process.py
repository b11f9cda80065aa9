"""Notebooks executed in the tests' own process: a tenth of a kernel's time, for tests whose subject is not the kernel.

papermill still injects the parameters, saves the copy and raises the error; only the kernel is missing.
"""

import threading
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from nbformat.v4 import new_output
from papermill.engines import Engine, NotebookExecutionManager, papermill_engines

from mlops.execution.engine import RunEngine
from mlops.execution.pool import NotebookPool


class Shown(threading.local):
    """The outputs of the cell that a thread executes."""

    outputs: list[Any]

    def display(self, data: Any, metadata: Any = None, raw: bool = False) -> None:
        """Replace IPython's function for the results of `glue_results`."""
        assert raw
        self.outputs.append(new_output("display_data", data, metadata=metadata or {}))


SHOWN = Shown()


class InProcessEngine(Engine):
    """Executes a notebook's cells in the calling thread."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: NotebookExecutionManager,
        kernel_name: str,
        report_cell: Callable[[int, int], None] = lambda done, cells: None,
        **kwargs: Any,
    ) -> None:
        """See `mlops.execution.engine.RunEngine`."""
        namespace: dict[str, Any] = {"__name__": "__main__"}
        for index, cell in enumerate(nb_man.nb.cells):
            nb_man.cell_start(cell, index)
            done = _execute(cell, index + 1, namespace)
            if not done:
                nb_man.cell_exception(cell, index)
            nb_man.cell_complete(cell, index)
            report_cell(index + 1, len(nb_man.nb.cells))
            if not done:
                return


def _execute(cell: Any, count: int, namespace: dict[str, Any]) -> bool:
    """Execute a code cell and keep its outputs; False if it raised."""
    cell.execution_count, cell.outputs = count, []
    SHOWN.outputs = cell.outputs
    try:
        exec(compile(cell.source, f"<cell {count}>", "exec"), namespace)
    except Exception as error:  # noqa: BLE001, a cell may raise anything
        lines = traceback.format_exception(error)
        cell.outputs.append(new_output("error", ename=type(error).__name__, evalue=str(error), traceback=lines))
        return False
    return True


def execute_in_process(patched: pytest.MonkeyPatch) -> None:
    """Have every notebook executed in this process."""
    patched.setitem(papermill_engines._engines, RunEngine.NAME, InProcessEngine)
    patched.setattr("IPython.display.display", SHOWN.display)
    patched.setattr(NotebookPool, "prepare", lambda pool, sources: None)
