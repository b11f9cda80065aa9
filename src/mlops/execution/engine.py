"""A papermill engine with one time limit for the whole notebook."""

import math
import time
from collections.abc import Callable
from typing import Any

from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.engines import Engine, NotebookExecutionManager, papermill_engines

from mlops.errors import StepFailed
from mlops.execution.cancel import Cancel
from mlops.execution.cells import describe_cell, describe_error, find_first_line
from mlops.execution.kernel import Kernel
from mlops.execution.messages import RunClient

SAVE_SECONDS = 1.0  # minimum seconds between two saves
SAVE_SHARE = 0.05  # maximum share of the time that is spent on saving, so that a large notebook is saved less often


class RunEngine(Engine):
    """The engine with which papermill executes the cells of a notebook."""

    NAME = "mlops"

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: NotebookExecutionManager,
        kernel_name: str,
        *,
        find_kernel: Callable[[], Kernel],
        cancel: Cancel,
        seconds: float = math.inf,
        report_cell: Callable[[int, int], None] = lambda done, cells: None,
        **kwargs: Any,
    ) -> None:
        """Execute the cells of a notebook whose parameters have been set. Called by papermill."""
        deadline = time.monotonic() + seconds
        finish_saving = _save_at_intervals(nb_man)
        _report_cells(nb_man, report_cell)
        kernel = find_kernel()
        client = RunClient(nb_man, km=kernel.manager, timeout_func=lambda cell: _count_seconds_left(deadline))
        client.kc = kernel.client
        try:
            client.execute(cleanup_kc=False)
        except DeadKernelError as error:
            cell = _mark_running_as_failed(nb_man)
            cancel.check()
            said = f"The kernel died in {describe_cell(cell)}."
            raise StepFailed(said, cell=find_first_line(cell)) from error
        except CellTimeoutError as error:
            cell = _mark_running_as_failed(nb_man)
            said = f"The step took longer than {seconds / 60:g} minutes and was ended in {describe_cell(cell)}."
            raise StepFailed(said, cell=find_first_line(cell)) from error
        except StepFailed:
            raise
        except Exception as error:  # papermill, nbclient or zmq may raise any error, and it must end only this step
            cancel.check()
            cell = _mark_running_as_failed(nb_man)
            said = f"The runner failed in {describe_cell(cell)}: {describe_error(error)}"
            raise StepFailed(said, type(error).__name__, find_first_line(cell)) from error
        finally:
            kernel.end_soon()
            finish_saving()
        _require_complete(nb_man, client.skip_cells_with_tag)


def _save_at_intervals(nb_man: NotebookExecutionManager) -> Callable[[], None]:
    # papermill would save the notebook twice per cell. Its own `save` must be restored before the final saves.
    save = nb_man.save
    due = time.monotonic() + SAVE_SECONDS

    def save_when_due(**options: Any) -> None:
        nonlocal due
        began = time.monotonic()
        if began >= due:
            save(**options)
            ended = time.monotonic()
            due = ended + max(SAVE_SECONDS, (ended - began) / SAVE_SHARE)

    def restore() -> None:
        nb_man.save = save

    nb_man.save = save_when_due
    nb_man.max_autosave_pct = math.inf  # otherwise papermill would print a warning that it saves less often
    return restore


def _report_cells(nb_man: NotebookExecutionManager, report_cell: Callable[[int, int], None]) -> None:
    complete = nb_man.cell_complete

    def cell_complete(cell: Any, cell_index: int = 0, **options: Any) -> None:
        complete(cell, cell_index=cell_index, **options)
        report_cell(cell_index + 1, len(nb_man.nb.cells))

    nb_man.cell_complete = cell_complete


def _count_seconds_left(deadline: float) -> int | None:
    # nbclient needs an integer.
    return None if math.isinf(deadline) else max(1, round(deadline - time.monotonic()))


def _mark_running_as_failed(nb_man: NotebookExecutionManager) -> str:
    cell = [cell for cell in nb_man.nb.cells if cell.metadata.papermill["start_time"]][-1]
    nb_man.cell_exception(cell)
    return str(cell.source)


def _require_complete(nb_man: NotebookExecutionManager, skip: str) -> None:
    # papermill does not notice that a cell called ``sys.exit(0)``.
    cells = [cell for cell in nb_man.nb.cells if skip not in cell.metadata.get("tags", [])]
    for cell in cells:
        exited = any(output.get("ename") == "SystemExit" for output in cell.get("outputs", []))
        skipped = cell.cell_type == "code" and cell.source.strip() and cell.execution_count is None
        if exited or skipped:
            nb_man.cell_exception(cell)
            where = describe_cell(cell.source)
            said = f"The notebook exited early in {where}. It must run to its end or raise an error."
            raise StepFailed(said, cell=find_first_line(cell.source))
        if cell.metadata.papermill["status"] == nb_man.FAILED:
            return  # papermill itself raises the error of the cell, and marks the cell in the file


papermill_engines.register(RunEngine.NAME, RunEngine)
