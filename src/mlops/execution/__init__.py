"""The execution of one notebook by papermill, made truthful and quick. The only importer of papermill.

What papermill by itself gets wrong is made right here: a killed kernel, a hang, or ``sys.exit(0)`` ends the notebook
red, with the cell that did it marked; its file is whole or not there; secrets are redacted in what is saved and said.

.. code-block:: text

    engine      papermill's engine: deadlines, dead kernels, progress by cell
    messages    papermill's client: an output that a notebook cannot hold fails its cell
    client      the kernel's client, which talks over sockets in a private folder
    kernel_log  what a kernel writes past its notebook
    cells       how a message names a cell
    source      what a notebook needs before it can be executed
    store       saves the executed notebook, whole and without secrets
    cancel      ends a notebook from another thread
    pool        notebooks side by side, in threads
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import NoSuchKernel
from papermill.exceptions import PapermillExecutionError
from papermill.execute import execute_notebook

from mlops.errors import MlopsError, StepFailed
from mlops.execution.cancel import Cancel
from mlops.execution.cells import describe_cell, describe_error, find_first_line, find_line
from mlops.execution.engine import START_SECONDS, RunEngine
from mlops.execution.source import find_kernel
from mlops.execution.store import STORE
from mlops.record.redaction import Redactor, make_redactor

__all__ = ["Cancel", "execute"]


def execute(
    source: Path,
    output: Path,
    parameters: Mapping[str, Any],
    *,
    seconds: float,
    report_cell: Callable[[int, int], None] = lambda done, cells: None,
    secrets: Callable[[], Iterable[str]] = tuple,
    cancel: Cancel | None = None,
) -> None:
    """Execute one notebook; several threads may do so at once.

    Parameters
    ----------
    source, output : Path
        The notebook, and its executed copy.
    parameters : mapping
        Injected after its ``parameters`` cell.
    seconds : float
        After this time it is ended.
    report_cell : callable
        Called with the number of cells that are through, and of all.
    secrets : callable
        Returns the values that are redacted in the copy and in errors.
    cancel : Cancel, optional
        By which another thread can end it.

    Raises
    ------
    StepFailed
        If any cell raised, exited or did not run, if the kernel died, or if it took too long. The copy is saved all
        the same, with the cell marked.
    """
    if not source.is_file():
        raise StepFailed(f"{source} is not there any more: put it back and resume the run")
    kernel = find_kernel(source)
    failure: StepFailed | None = None
    try:
        execute_notebook(
            str(source),
            STORE.open(output, secrets),
            parameters=dict(parameters),
            engine_name=RunEngine.NAME,
            kernel_name=kernel.name,
            language=kernel.language,
            progress_bar=False,
            start_timeout=START_SECONDS,
            seconds=seconds,
            report_cell=report_cell,
            cancel=cancel or Cancel(),
        )
    except StepFailed as error:
        failure = error
    except PapermillExecutionError as error:
        where = find_first_line(error.source), find_line(error.traceback)
        said = f"{error.ename} in {describe_cell(error.source)}: {error.evalue}"
        failure = StepFailed(said, error.ename, *where)
    except NoSuchKernel as error:
        failure = StepFailed(f"there is no Jupyter kernel {error.name!r} here: run `make setup`")
    except MlopsError:
        raise
    except Exception as error:  # noqa: BLE001, its traceback would show what the notebook holds
        failure = StepFailed(describe_error(error), type(error).__name__)
    finally:
        STORE.close(output)
    if failure:
        raise _redact(failure, make_redactor(secrets()))  # without its causes, of which a traceback shows all


def _redact(failure: StepFailed, redactor: Redactor) -> StepFailed:
    said, kind, cell = (redactor.redact(text) for text in (str(failure), failure.kind, failure.cell))
    return StepFailed(said, kind, cell, failure.line)
