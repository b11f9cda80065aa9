"""The execution of one notebook with papermill."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import mlops.execution.lean_papermill  # noqa: F401, before papermill itself

# isort: split
from jupyter_client.kernelspec import NoSuchKernel
from papermill.exceptions import PapermillExecutionError
from papermill.execute import execute_notebook

from mlops.errors import MlopsError, StepFailed, quote_cause
from mlops.execution.cancel import Cancel
from mlops.execution.cells import describe_cell, describe_error, find_first_line, find_line
from mlops.execution.engine import RunEngine
from mlops.execution.kernel import Kernel, open_kernel
from mlops.execution.source import KernelSpec, find_kernel
from mlops.execution.store import STORE
from mlops.record.redaction import Redactor, make_redactor


def execute(
    source: Path,
    output: Path,
    parameters: Mapping[str, Any],
    *,
    seconds: float,
    report_cell: Callable[[int, int], None] = lambda done, cells: None,
    secrets: Callable[[], Iterable[str]] = tuple,
    cancel: Cancel | None = None,
    kernel: Kernel | None = None,
    ending: ExitStack | None = None,
) -> None:
    """Execute one notebook. Several threads can call this function at the same time.

    Parameters
    ----------
    source, output : Path
        The paths of the notebook and of its executed copy.
    parameters : mapping
        The values of the notebook's parameters. They are set in a new cell after the cell with the tag ``parameters``.
    seconds : float
        The time limit in seconds.
    report_cell : callable
        Takes the number of finished cells and the number of all cells. Called after each cell.
    secrets : callable
        Returns the values to redact in the copy and in errors.
    cancel : Cancel, optional
        A signal with which another thread can end the execution.
    kernel : Kernel, optional
        A kernel that this thread started in advance. If omitted, a new kernel is started.
    ending : ExitStack, optional
        Used only for a new kernel: closing this stack ends the kernel and waits for its end. If omitted, this
        function ends the new kernel before it returns.

    Raises
    ------
    StepFailed
        If a cell raises an error, exits early or does not run, if the kernel dies, or if the time limit is exceeded.
        The executed copy is saved in these cases, too, with the failed cell marked.
    """
    if not source.is_file():
        raise StepFailed(f"{source} no longer exists. Restore it and resume the run.")
    named, cancel = _find_kernel(source), cancel or Cancel()
    failure: StepFailed | None = None
    own = ExitStack()
    try:
        execute_notebook(
            str(source),
            STORE.open(output, secrets),
            parameters=dict(parameters),
            engine_name=RunEngine.NAME,
            kernel_name=named.name,
            language=named.language,
            progress_bar=False,
            find_kernel=lambda: kernel or (ending or own).enter_context(open_kernel(named.name, source, cancel)),
            cancel=cancel,
            seconds=seconds,
            report_cell=report_cell,
        )
    except StepFailed as error:
        failure = error
    except PapermillExecutionError as error:
        where = find_first_line(error.source), find_line(error.traceback)
        said = f"{error.ename} in {describe_cell(error.source)}: {error.evalue}"
        failure = StepFailed(said, error.ename, *where)
    except NoSuchKernel as error:
        failure = StepFailed(f"The Jupyter kernel {error.name!r} is not installed here. Run `make setup`.")
    except MlopsError:
        raise
    except Exception as error:  # noqa: BLE001 - its traceback would show the content of the notebook
        failure = StepFailed(describe_error(error), type(error).__name__)
    finally:
        STORE.close(output)
        own.close()
    if failure:
        # Raised without its causes, because a traceback would show their unredacted texts.
        raise _redact(failure, make_redactor(secrets()))


def _redact(failure: StepFailed, redactor: Redactor) -> StepFailed:
    said, kind, cell = (redactor.redact(text) for text in (str(failure), failure.kind, failure.cell))
    return StepFailed(said, kind, cell, failure.line)


def _find_kernel(source: Path) -> KernelSpec:
    try:
        return find_kernel(source)
    except (ValueError, AttributeError) as error:  # it was readable when the run started
        said = f"{source} cannot be read as a notebook: {quote_cause(error)}. Restore it and resume the run."
        raise StepFailed(said) from error
