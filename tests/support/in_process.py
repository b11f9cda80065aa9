"""The execution of notebooks in the process of the tests. It takes a tenth of the time that a kernel takes.

papermill still injects the parameters, saves the executed notebook and raises errors. Only the kernel is missing.
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
    """An engine that executes the cells of a notebook in the calling thread."""

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
    """Execute a code cell, and keep its outputs. Return False if it raised an error."""
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
    """Make every notebook run in this process."""
    patched.setitem(papermill_engines._engines, RunEngine.NAME, InProcessEngine)
    patched.setattr("IPython.display.display", SHOWN.display)
    patched.setattr(NotebookPool, "prepare", lambda pool, sources: None)
