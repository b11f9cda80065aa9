"""The execution of one notebook by papermill, made truthful. The only importer of papermill.

What papermill by itself gets wrong is made right here: a killed kernel, a hang, or ``sys.exit(0)`` ends the notebook
red, with the cell that did it marked; its file is whole or not there; secrets are struck out of what is saved.
"""

import json
import math
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from jupyter_client.kernelspec import NoSuchKernel
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, NotebookExecutionManager, papermill_engines
from papermill.exceptions import PapermillExecutionError
from papermill.execute import execute_notebook
from papermill.iorw import papermill_io
from traitlets.config import Config

from mlops.errors import StepFailed
from mlops.files import write_atomically
from mlops.redaction import strike_out

START_SECONDS = 120  # for a kernel to get ready


def execute(
    source: Path,
    output: Path,
    parameters: Mapping[str, Any],
    *,
    seconds: float,
    report_cell: Callable[[int, int], None] = lambda done, cells: None,
    secrets: Callable[[], Iterable[str]] = tuple,
) -> None:
    """Execute one notebook.

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
        Returns the values that are struck out of the copy.

    Raises
    ------
    StepFailed
        If any cell raised, exited or did not run, if the kernel died, or if it took too long. The copy is saved all
        the same, with the cell marked.
    """
    _STORE.secrets[str(output)] = secrets
    try:
        execute_notebook(
            str(source),
            f"{_NotebookStore.SCHEME}{output}",
            parameters=dict(parameters),
            engine_name=_RunEngine.NAME,
            progress_bar=False,
            start_timeout=START_SECONDS,
            seconds=seconds,
            report_cell=report_cell,
        )
    except PapermillExecutionError as error:
        raise StepFailed(f"{error.ename} in cell [{error.exec_count}]: {error.evalue}") from error
    except NoSuchKernel as error:
        raise StepFailed(f"there is no Jupyter kernel {error.name!r} here: run `make setup`") from error
    except RuntimeError as error:
        raise StepFailed(f"the kernel did not start: {error}") from error
    except OSError as error:
        raise StepFailed(f"{output.name} could not be written: {error}") from error
    finally:
        del _STORE.secrets[str(output)]


class _NotebookStore:
    """papermill's output: the local file system, written atomically and without secrets."""

    SCHEME = "mlops-run:"

    def __init__(self) -> None:
        self.secrets: dict[str, Callable[[], Iterable[str]]] = {}

    def write(self, content: str, url: str) -> None:
        path = self.pretty_path(url)
        safe = json.dumps(strike_out(json.loads(content), self.secrets[path]()), indent=1, ensure_ascii=False)
        write_atomically(Path(path), safe + "\n")

    def pretty_path(self, url: str) -> str:
        return url.removeprefix(self.SCHEME)


class _RunEngine(Engine):
    """papermill's engine with a deadline for the whole notebook, and the truth about the cell that ended it."""

    NAME = "mlops"

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: NotebookExecutionManager,
        kernel_name: str,
        seconds: float = float("inf"),
        report_cell: Callable[[int, int], None] = lambda done, cells: None,
        start_timeout: int = START_SECONDS,
        **kwargs: Any,
    ) -> None:
        deadline = time.monotonic() + seconds
        complete = nb_man.cell_complete

        def cell_complete(cell: Any, cell_index: int = 0, **options: Any) -> None:
            complete(cell, cell_index=cell_index, **options)
            report_cell(cell_index + 1, len(nb_man.nb.cells))

        nb_man.cell_complete = cell_complete
        with _make_socket_folder() as sockets:
            client = PapermillNotebookClient(
                nb_man,
                kernel_name=kernel_name,
                startup_timeout=start_timeout,
                config=_talk_privately(sockets),
                timeout_func=lambda cell: _count_left(deadline),
            )
            try:
                client.execute()
            except DeadKernelError as error:
                raise StepFailed(f"the kernel died in {_mark_running(nb_man)}") from error
            except CellTimeoutError as error:
                where = _mark_running(nb_man)
                raise StepFailed(
                    f"the step took longer than {seconds / 60:g} minutes; it was ended in {where}"
                ) from error
        _require_whole(nb_man)


def _count_left(deadline: float) -> int | None:
    """Return the seconds to the deadline, which nbclient takes as whole ones; None for no deadline."""
    return None if math.isinf(deadline) else max(1, round(deadline - time.monotonic()))


def _make_socket_folder() -> "TemporaryDirectory[str]":
    """Make a private folder whose path is short enough for a socket's name, which ends at 107 characters."""
    usual = TemporaryDirectory(prefix="mlops-")
    if len(usual.name) < 80:
        return usual
    usual.cleanup()
    return TemporaryDirectory(prefix="mlops-", dir="/tmp")


def _talk_privately(folder: str) -> Config:
    """Have the kernel listen on sockets in a private folder: on TCP any user of the machine could talk to it."""
    return Config({"KernelManager": {"transport": "ipc", "ip": f"{folder}/kernel"}})


def _mark_running(nb_man: NotebookExecutionManager) -> str:
    """Mark as failed the cell that ran last, which papermill calls completed, and describe it."""
    cell = [cell for cell in nb_man.nb.cells if cell.metadata.papermill["start_time"]][-1]
    nb_man.cell_exception(cell)
    return _describe(cell)


def _require_whole(nb_man: NotebookExecutionManager) -> None:
    """Refuse a notebook that left early without an error: papermill calls ``sys.exit(0)`` a success."""
    for cell in nb_man.nb.cells:
        exited = any(output.get("ename") == "SystemExit" for output in cell.get("outputs", []))
        skipped = cell.cell_type == "code" and cell.source.strip() and cell.execution_count is None
        if exited or skipped:
            nb_man.cell_exception(cell)
            raise StepFailed(f"the notebook exited early, in {_describe(cell)}; a notebook runs to its end or raises")
        if cell.metadata.papermill["status"] == nb_man.FAILED:
            return  # papermill itself raises it, with the error marked in the file


def _describe(cell: Any) -> str:
    return f"the cell that begins {cell.source.strip().splitlines()[0]!r}"


_STORE = _NotebookStore()
papermill_io.register(_NotebookStore.SCHEME, _STORE)
papermill_engines.register(_RunEngine.NAME, _RunEngine)
